import { each, type Intent, sentences } from './intent.js'

/** Security: weaknesses, attacks, secrets, who may do what, compliance. */
export const securityIntent: Omit<Intent, 'partOf'> = {
  words: {
    ...each(
      2.5,
      `vulnerability, vulnerable, vuln, owasp, xss, csrf, ssrf, sqli, rce, cve, pentest, penetration, exploit,
      exploitable, hacker, hacked, hack, attacker, attack, malware, ransomware, virus, trojan, phishing, backdoor,
      loophole, breach, intruder, burglar, hijack, tamper, gdpr, hipaa, pci, soc2, ddos, malicious, insecure,
      unauthorized, unauthorised, unauthenticated, firewall, crook, criminal, thief, thieves, fraud, fraudster,
      scammer, eavesdrop, spy, spying, snoop, infected, hostile, cheater, advisory, advisories, impostor`,
    ),
    ...each(2.2, 'threat, keylogger, counterfeit, swindler, stalker, intrusion, disgruntled'),
    ...each(
      1.7,
      `security, secure, securely, compliance, compliant, privacy, encrypt, encryption, encrypted, decrypt, tls, ssl,
      https, certificate, password, passphrase, credential, secret, confidential, sensitive, risk, risky, unsafe,
      suspicious, injection, inject, leak, leaked, steal, stolen, theft, spoof, forge, forged, fake, bypass,
      circumvent, impersonate, impersonation, untrusted, sanitize, sanitise, sanitized, weakness, flaw, permission,
      privilege, unprotected, brute, mfa, 2fa, captcha, abuse, abused, audit, scan, spyware, cheat, cheating, trick,
      tricked, fool, fooled, stranger, outsider, blackmail, scam, illegally, plaintext, crack, cracked, guessable,
      intercept, sniff, hole, csp, oauth, jwt, hash, hashed, salted, harden, hardening, consent, dsgvo, ccpa, sox,
      iso27001, incident, trustworthy, trusted, reachable, guess, guesses, pin, clickjacking, deserialization,
      unescaped, traversal, rogue, competitor, casino, darknet, ransom, undetected, unnoticed, impersonating,
      authenticity, whistleblower`,
    ),
    ...each(
      1.1,
      `microphone, overhear, listening, forgotten, abandoned, unlocked, unattended, curious, undercover, altered, alter,
      replay, predicted, predictable, cloned, clone, jailbreak, lure, trap, harass, harassment, troll, dishonest,
      angry, rival, revenge, fired, resigned, court, regulator, inspection, certification, auditor, penalty, liable,
      liability, insurer, minor, minors, anonymize, anonymise, masked, redacted, trace, traces, unusual, strange,
      alarm, alert, detection, affected, nasty, unsecured, banned, approve, approval, payout, europe, remotely, plug,
      temporary, strength, hard coded, leave, eyes, children, blocked, children s, guarantee, faked, refused`,
    ),
    ...each(
      1,
      `protect, protected, protection, safe, safely, safety, danger, dangerous, access, admin, administrator, rights,
      role, trust, authentication, authorization, authorisation, authorize, exposed, token, cookie, session, sneak,
      peek, weak, personal, private, law, legal, regulation, policy, revoke, expire, anybody, anyone, nobody, pretend,
      misuse, spam, outdated, dependency, patch, escape, allowed, forbidden, restrict, restricted, locked, lockout,
      suspicion, worry, worried, laptop, contractor, cors, sandbox, flood, flooding, dos, port, vpn, proxy, signature,
      signed, blindly, anonymous, anonymously, disclose, reveal, revealing, identity, victim, harm, harmful, damage,
      invade, untrustworthy, unknown, dodgy, shady, fishy, compromise, compromised, manipulate, manipulated, tenant,
      colleague, employee, staff, intern, unlimited, attempt, robot, voucher, cloud, refunded, researcher, contract,
      illegal, lawyer, fine, authority, authorities, certified, survive, properly, publicly, internet, bucket, wifi,
      usb, neighbour, neighbor, kid, kids, ex, boss, wallet, cardholder, credit, bribe, payroll, salary, salaries,
      patient, medical, medicine, passport, fingerprint, license, licence, permit, permits, permitted, forum,
      everybody, everyone, foreign, terminal, bad, evil, mischief, prank, sabotage`,
    ),
    ...each(0.7, 'iframe, scrape, scraping, redirect'),
    ...each(
      0.6,
      `account, accounts, remote, sharing, public, learn, outside, opened, prove, hours, second person, evidence`,
    ),
    ...each(
      0.5,
      `key, keys, somebody, someone, login, verify, visible, owner, hidden, bot, refund, open, lock, expose, person,
      partner, vendor, mistake, notice, device, machine, block, ban, check, besides, actually, really, still, handled,
      handle, input, logs, read, country, abroad, russia, china, brazil, night, money, cash, free, problem, detail,
      details, typed, network`,
    ),
  },
  phrases: {
    ...each(
      2.5,
      `review code for, security of, security review, check for, vulnerability in, test for, protected against,
      safe from`,
    ),
    ...each(
      1.6,
      `someone else, somebody else, other people s, other users, another user, another customer, another tenant,
      other customers, each other s, one another s, without logging in, without a password, without permission,
      without paying, without asking, not logged in, logged out, log out, logs out, logging out, two factor, two step,
      second factor, brute force, rate limit, api key, access key, private key, secret key, commit a key, plain text,
      clear text, third party, personal data, private details, git history, left the company, left us, former employee,
      former staff, ex employee, no longer works here, old accounts, fake accounts, admin rights, admin account,
      root access, get into, got into, break into, break in, broke in, breaking in, get in, got in, get at,
      get hold of, get past, open ports, security hole, known holes, known issues, known weaknesses,
      published advisories, data protection, be forgotten, single sign on, in a row, sign in as, signed in as,
      log in as, logged in from, act as, pretend to be, take over, took over, taken over, wrong hands, should not see,
      shouldn t see, not supposed, not meant to, supposed to see, least privilege, path traversal, file upload,
      give away, gives away, security test, sql injection, payment security, cross site, open redirect, session token,
      reset link, zero day, supply chain, man in the middle, public wifi, in the url, address bar, changing the number,
      changing the id, in the address, database password, database exposed, database reachable, who can read,
      who can see, over and over, again and again, for free, be trusted, credit card, card number, card numbers,
      bank details, who besides, open to everyone, open to anyone, from the internet, from outside, from abroad,
      in our name, on our behalf, read back, carried out, user input, visitor typed, stranger s, being stolen,
      be stolen, get stolen, be guessed, be abused, be changed, be read by, be tricked, be fooled, be bypassed,
      be faked, be forged, turned off, locked out, behind our back, by mistake public, publicly visible,
      publicly readable, terms of service, hands of, out of the hands, run a program, run code, foreign script,
      usb stick, in the open, threat analysis, on purpose, way around, ways around, age check, prompt injection,
      world readable, who opened, who looked, who read, who approved, who logged, who signed, lost phone, stolen phone,
      stolen laptop, lost laptop, missing laptop, hand over, hands data, personnel files, too much about,
      too many tries, wrong tries, failed logins, in plain sight, right to send, may we, are we allowed,
      do we have to report, not theirs, not their own, than their own, more than they should, data leaves,
      leave the house, become public, switched off because, end of the season`,
    ),
  },
  actions: {
    ...each(1.8, 'audit, scan, pentest, harden, threat model, attack, hack, assess, probe, hunt'),
    ...each(1.5, 'verify, revoke, rotate, penetrate'),
    ...each(1.2, 'secure'),
    ...each(
      1,
      `check, inspect, investigate, test, review, examine, look for, look into, look through, simulate, protect,
      evaluate, encrypt`,
    ),
    ...each(0.6, 'find'),
    ...each(0.5, 'search, analyse, analyze'),
  },
  openings: {
    ...each(
      1.8,
      `try to break, try to get, try tricking, who can, who could, who else, who besides, can someone, could someone,
      can somebody, could somebody, can anyone, could anyone, can anybody, could anybody, would anyone, would anybody,
      is it possible, would it be possible, is it safe, how easily, how easy, how hard, how safe, how secure,
      what could, what can a, what stops, what prevents, what keeps, what would an, what would a, how could, how would,
      how well`,
    ),
    ...each(
      1.5,
      `can a, can an, can one, can the, could a, could an, could the, can strangers, can people, can users,
      can visitors, can customers, can guests, can our, could our, might, what happens if, what if, has anyone,
      has anybody, did anyone, did somebody, is anyone, is anybody, are we, would we, would our, would a, who has,
      who may, who is allowed, who had, i m worried, i am worried, we re worried, check that, check whether, check if,
      check for, check our, see if, see whether, test whether, test if, find out if, find out whether, tell me if,
      tell me whether, verify that, confirm that, prove that, make sure nobody, make sure no, make sure only,
      make sure that only, make sure that nobody, make sure that no, ensure that only, ensure nobody, point out,
      look for code, look for places, go through the code, search the code, find places, look whether,
      make a list of risks, list risks, simulate an, prepare us`,
    ),
    ...each(
      1.2,
      `do our, which employees, may we, who opened, who looked, who read, who approved, how do we stop, how do we know,
      how do we prove, how do we prevent, which staff, which old`,
    ),
    ...each(
      1,
      `does, do the, did, could, would, confirm, prove, find out, look at, ensure, try, try to, rate the, find any,
      a researcher, a customer says, a stranger, go through, which accounts, what would, explain how somebody`,
    ),
    ...each(0.8, 'is, are, can'),
    ...each(0.7, 'do we, somebody'),
    ...each(0.6, 'nobody, has, have, which of our, what can'),
    ...each(0.5, 'was, were, someone, watch, who'),
    ...each(0.4, 'what does, what do'),
  },
  examples: sentences(`
    Could a guest read the orders of somebody else by changing the number in the address?
    Make sure that former staff can no longer get into our systems | Which of our libraries have known weaknesses?
    Does the upload accept files that could do harm? | Try to get past the sign-in without an account
    Are customer addresses readable for people who should not see them?
    We got a strange mail asking for our access data, what should we do? | Is anything secret written into the logs?
    Can the price be changed on the way to the payment provider? | Look whether our cookies are safe from being stolen
    Somebody keeps trying codes on our gift cards, how exposed are we?
    Do we keep personal details longer than the law allows? | Which staff accounts have more rights than they need?
    Check that links to private files stop working after a while
    How would we notice that an intruder was in our network? | Assess what a leaked key would allow somebody to do
    Can waiters look at each other's tips? | Would anybody notice if our server had been taken over?
    Are the card numbers of our guests handled properly? | Somebody logged in from Brazil with the boss's account
    How many guesses does a person get at the PIN? | Look at the new library from npm, is it trustworthy?
    Did the intern commit a key by mistake? | Try tricking the upload into running a program
    Are old links to invoices still open to everyone? | Who besides me can delete customers?
    Go through the code and list spots where input isn't checked
    Do our forms ask for more private details than the law permits? | Could a competitor scrape our whole price list?
    Is the wifi payment terminal safe to use? | What would a burglar find on the office computer?
    Check that support staff can't see full credit card numbers | Does logging out really end things on the server?
    Someone posted our customers' addresses in a forum, how did they get them?
    Is our domain protected against mails sent in our name? | Check the permissions on the storage bucket
    A researcher wrote that our site can be framed, is he right?
    Are passwords stored in a way that can't be read back? | Prepare us for the PCI assessment
    See whether a coupon can be used over and over | Test whether a guest can become an administrator
    Could a comment containing HTML take over the page of another reader?
    Which of our machines are reachable from the internet? | Does anything we log give away who the patient is?
    Find accounts of people who left us | Would our login survive a robot army?
    Is it a problem that we mail passwords? | Look for code that builds commands from user input
    Are there any dependencies with published advisories? | Is the two-step sign-in really asked on every device?
    How could a cheater change the score sent by the game? | Prove that a cook can't open the payroll
    Do our partners handle the data according to the contract?
    Our site redirects some visitors to a casino, have we been infected?
    Check that our cookies cannot be read by foreign scripts
    Could our cleaning staff get at the server room screens? | Review who is able to approve payouts
    Does our chat widget hand data over to companies outside Europe?
    I clicked a strange link yesterday, is my machine infected?
    Find every spot where HTML from outside ends up unescaped on a page
    Is two-step sign-in switched on for all managers? | What would happen if someone copied our session cookie?
    Check our open ports | Are we allowed to keep copies of passports?
    Try to log in with the default password on every device
    Could a rival read our unpublished prices through the API? | Do uploaded files get checked for viruses?
    Which employees still have the master password? | Run through the OWASP top ten for the payment page
    Did anybody get into the system last night?
    Our mail ends up flagged as forged, are the SPF and DKIM records right?
    How long would it take to crack our customers' passwords?
    Make sure a child can't buy anything without a parent's consent
    Can a waiter cancel bills without the chief noticing?
    Look at how we store card data, does it meet the rules of the card companies?
    Are there secrets in the Docker images? | Is it dangerous that our test system is on the public internet?
    See if you can read the profile of a user who has blocked you
    We received a blackmail letter threatening to take our servers down
    Check if the random numbers for our vouchers can be predicted | Who opened the personnel files in the last month?
    Could an app on the same phone steal our login? | Audit the third-party scripts on the checkout
    Do old API keys still work? | Tell us how a dishonest courier could fake a delivery
    Does our password rule make sense? | Is our backup protected from ransomware?
    Evaluate whether the new payment partner can be trusted with our data
    Could one customer slow everything down for all others on purpose?
    Have any of our employees' passwords shown up in public leaks? | Inspect the dependency tree for hijacked packages
    Are error pages telling strangers too much about our system? | Check the contact form for spam abuse
    Would a stolen phone open the way to our accounts?
    Is the traffic between the app and our server readable for others in the cafe?
    Could an angry ex-employee still get in? | Do we tell visitors what we do with their data?
    Does our app send anything to strangers without asking?
    Where do we keep the keys for the payment provider, and who can get at them?
    Check if an order can be paid with a negative amount
    Somebody pretends to be our boss in mails to the bookkeeping | Is the door lock app easy to fool?
    Run a vulnerability scan on the web server | What information could a thief get from a stolen tablet?
    Go over the new release and look for holes | Are there test accounts left on the live system?
    Does the password reset give away which addresses exist? | Find out how the attackers got in last week
    Do our suppliers' programs have more rights than needed?
    Look at the upload of pictures, could a program hide in one?
    Is our shop ready for the new EU rules about customer data? | Could a guest on our wifi see the till?
    List everyone who can approve a payment | See if the discount codes can be guessed
    Are our backups stored where a blackmailer can't reach them? | Test how the login behaves under thousands of tries
    Would it be noticed if someone changed an invoice afterwards?
    Can people see more than their own orders by playing with the link?
    Write down what could go wrong if our signing key leaked
    Are cameras in the shop recording things they shouldn't?
    Check that deleted accounts are really gone, as the law wants | Does the support team need to see bank details?
    How do we know that an update really comes from us? | Is the old version of the framework a danger?
    Could the chatbot be talked into giving a discount? | Someone found our test server with a search engine
    Verify the webhook is really sent by the payment company
    Can the app be made to run commands through a file name? | Review the roles in the back office
    Do we log who looked at which patient? | I got a warning that our certificate runs out, what is affected?
    Are messages between doctors and patients unreadable for us? | Check whether the cookie can be read by a script
    Could two accounts share one loyalty card to cheat? | Can an employee export the whole customer list unnoticed?
    Is our wifi password too simple? | Check the code that handles card numbers
    Could somebody order in another person's name? | Someone keeps calling our staff and asking for login codes
    Do we have to report the lost phone to the authorities? | Search our repositories for credentials
    Does the guest mode reveal anything private? | What data about children do we hold and may we?
    Try breaking the new voucher system
    Do we use any library that has been abandoned or has known bugs that can be exploited?
    Is it risky to let partners embed our form? | Can the receipts be altered later?
    Check whether an unpaid order can be shipped by manipulating the request | Who still has a key to the old server?
    How would we survive a ransom attack? | Can a bot buy all the tickets?
    Are the invoices on the web findable by outsiders? | Make a threat analysis of the delivery robots
    Test the admin area for access without rights | Is the connection to the bank safe from listening in?
    Look through last night's failed logins | Does our app ask for too many permissions on the phone?
    Would a wrong link in a mail lead our customers into a trap? | Are uploaded resumes protected from curious eyes?
    May we send this data to a US cloud? | Check the strength of our encryption
    Could anyone replay an old payment message? | Is there any place where a secret is printed in the clear?
    See if the doors can be opened with a copied code | Have we been hacked?
    Find forgotten subdomains that somebody could take over | Do all requests check whose order it is?
    How do we stop people from sharing one subscription? | Is the debug page reachable from outside?
    Someone bought goods with stolen cards in our shop | Inspect how tokens are created, can they be predicted?
    Do moderators see messages they shouldn't? | Could a prank name break out of the page and run code?
    Assess whether we are ready for the ISO audit | Could a guest change his own bill?
    Does the new intern really need access to the contracts? | Check the shop for ways to get goods without paying
    Are we leaking customer names in the page source? | Who could read the mails that our system sends?
    Test if the gate opens for a copied card | Do we still use any broken hash functions?
    Our supplier was hacked, are we affected? | Look over the login code with the eyes of an attacker
    Can visitors upload something that runs on the server? | Have a look whether old tokens are refused
    Is it legal to record these calls? | How many wrong tries before an account gets blocked?
    Somebody ordered with my identity, how did that happen? | Make sure nobody outside the team sees the draft prices
    Find unprotected routes in our API | Check what our browser extension may do | Is our customer chat private?
    Could a fake QR code on the table send guests to a wrong page? | Are the secrets in our pipeline masked?
    Review the new sign-in for weaknesses | Would we pass a data protection inspection?
    Which staff members share one account? | Can children reach adult content in the shop?
    What is the worst somebody could do with the kiosk tablet? | See who logged in at unusual hours
    Is the payment page safe against being shown inside a foreign site?
    Do we notice when a laptop with customer files goes missing? | Check that refunds need a second person to agree
    Are there loopholes in our returns process that swindlers use?
    Could the pizza driver find out where our customers live after the delivery?
    Check that one restaurant can't see the numbers of another | Are the guest passwords printed on paper a problem?
    Who of us can open the safe remotely? | Does the app keep working for people we have banned?
    Can the meter readings be faked? | Is there a way around the age check?
    What do strangers learn about us from our public pages? | Investigate the odd orders from last night
    Does our contact form protect against robots? | I found a USB stick in the parking lot, can I plug it in?
    Do we have the right to send ads to former customers? | Check for hard-coded passwords
    Could the update server be used to push something nasty? | Test what happens when I send a very long name
    Which old systems should be switched off because they're unsafe?
    Someone is selling our customer list, how did it leave the house? | Is the video door bell encrypted?
    Make sure temporary workers lose their access at the end of the season
    Are our logs protected from being altered? | Verify that nobody but the doctor opens the file
    Could a bad review contain harmful code? | How do we prove to our bank that card data is safe here?
    Find accounts that haven't changed their password for years | Would it matter if our source code became public?`),
}
