import type { Range } from './spellings.js'

/**
 * The shapes of keys that are secret whoever has them: of model providers, code hosts, clouds, chats and payments; JSON web tokens, bearer
 * tokens, private keys in PEM, and passwords in URLs. Each repetition is bounded, or begins where no other one can: the time is linear.
 */
const SHAPES: readonly RegExp[] = [
  // OpenAI, Anthropic, OpenRouter, DeepSeek. A slug of words has no digit.
  /(?<![\w-])sk-(?=[\w-]{0,60}\d)[\w-]{16,}/g,
  /(?<!\w)(?:gh[oprsu]_|gsk_|hf_|npm_|r8_|github_pat_|[prs]k_(?:live|test)_)\w{16,}/g,
  /(?<![\w-])(?:AIza|glpat-|pplx-|tvly-|xai-|xox[abeoprs]-)[\w-]{20,}/g,
  /(?<!\w)A[KS]IA[A-Z0-9]{16}(?!\w)/g,
  /(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?/g,
  /(?<=(?<!\w)[Bb]earer[ \t])[\w.~+/=-]{16,}/g,
  /(?<=(?<!\w)[Aa]uthorization["']{0,2}[ \t]{0,4}[:=][ \t"']{0,4}[Bb]asic[ \t])[\w.~+/=-]{8,}/g,
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]{0,30}PRIVATE KEY-----|[\s\S]*)/g,
  /(?<=[a-z]:\/\/)[^\s/:@]{0,128}:[^\s/:@]{1,128}(?=@)/g,
]

/** What every one of these keys contains: an agent may report its progress thousands of times a second, and nearly no text has one. */
const HINT =
  /sk-|(?:gh[oprsu]|gsk|hf|npm|r8|pat|live|test)_|AIza|glpat-|pplx-|tvly-|xai-|xox|A[KS]IA|eyJ|earer|asic|PRIVATE KEY|:\/\//

/** Where a text has such a key. */
export function keyRanges(text: string): readonly Range[] {
  if (!HINT.test(text)) return []
  return SHAPES.flatMap(shape =>
    Array.from(text.matchAll(shape), ({ 0: key, index }) => ({
      start: index,
      end: index + key.length,
      label: '[key]',
    })),
  )
}
