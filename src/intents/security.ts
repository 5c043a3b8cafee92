import type { Intent } from 'counterpoint'
import { each, sentences } from './word-lists.js'

/** Security: vulnerabilities, attacks, secrets, access control, compliance. */
export const securityIntent: Omit<Intent, 'partOf'> = {
  words: {
    ...each(
      2.5,
      `advisory, attack, attacker, backdoor, breach, burglar, cheater, criminal, crook, csrf, cve, ddos, eavesdrop,
      exploit, exploitable, firewall, fraud, fraudster, gdpr, hack, hacker, hijack, hipaa, hostile, impostor, infected,
      insecure, intruder, loophole, malicious, malware, owasp, pci, penetration, pentest, phishing, ransomware, rce,
      scammer, snoop, soc2, spy, sqli, ssrf, tamper, thief, thieves, trojan, unauthenticated, unauthorised,
      unauthorized, virus, vuln, vulnerability, vulnerable, xss`,
    ),
    ...each(2.2, 'counterfeit, disgruntled, intrusion, keylogger, stalker, swindler, threat'),
    ...each(
      1.7,
      `2fa, abuse, audit, authenticity, blackmail, brute, bypass, captcha, casino, ccpa, certificate, cheat, circumvent,
      clickjacking, competitor, compliance, compliant, confidential, consent, crack, credential, csp, darknet, decrypt,
      deserialization, dsgvo, encrypt, fake, flaw, fool, forge, guess, guessable, harden, hash, hole, https, illegally,
      impersonate, incident, inject, intercept, iso27001, jwt, leak, mfa, oauth, outsider, passphrase, password,
      permission, pin, plaintext, privacy, privilege, ransom, reachable, risk, risky, rogue, salted, sanitise,
      sanitize, scam, scan, secret, secure, security, sensitive, sniff, sox, spoof, spyware, ssl, steal, stolen,
      stranger, suspicious, theft, tls, traversal, trick, trusted, trustworthy, undetected, unescaped, unnoticed,
      unprotected, unsafe, untrusted, weakness, whistleblower`,
    ),
    ...each(
      1.1,
      `abandoned, affected, alarm, alert, alter, angry, anonymise, anonymize, approval, approve, auditor, banned,
      blocked, children, children s, clone, court, curious, detection, dishonest, europe, eyes, fired, forgotten,
      guarantee, harass, harassment, hard coded, inspection, insurer, jailbreak, leave, liability, liable, listening,
      lure, masked, microphone, minor, nasty, overhear, payout, penalty, plug, predictable, predicted, redacted,
      refused, regulator, remotely, replay, resigned, revenge, rival, strange, strength, temporary, trace, trap, troll,
      unattended, undercover, unlocked, unsecured, unusual`,
    ),
    ...each(
      1,
      `access, admin, administrator, allowed, anonymous, anybody, anyone, attempt, authentication, authorisation,
      authority, authorization, authorize, bad, blindly, boss, bribe, bucket, cardholder, certified, cloud, colleague,
      compromise, contract, contractor, cookie, cors, credit, damage, danger, dangerous, dependency, disclose, dodgy,
      dos, employee, escape, everybody, everyone, evil, ex, expire, exposed, fine, fingerprint, fishy, flood,
      forbidden, foreign, forum, harm, harmful, identity, intern, internet, invade, kid, laptop, law, lawyer, legal,
      licence, license, locked, lockout, manipulate, medical, medicine, mischief, misuse, neighbor, neighbour, nobody,
      outdated, passport, patch, patient, payroll, peek, permit, personal, policy, port, prank, pretend, private,
      properly, protect, proxy, publicly, refunded, regulation, researcher, restrict, reveal, revoke, rights, robot,
      role, sabotage, safe, safety, salary, sandbox, session, shady, signature, signed, sneak, spam, staff, survive,
      suspicion, tenant, terminal, token, unknown, unlimited, untrustworthy, usb, victim, voucher, vpn, wallet, weak,
      wifi, worry`,
    ),
    ...each(0.7, 'iframe, redirect, scrape'),
    ...each(0.6, 'account, evidence, hours, learn, opened, outside, prove, second person, sharing'),
    ...each(
      0.5,
      `abroad, actually, besides, bot, brazil, cash, check, china, country, detail, device, free, handle, hidden, input,
      key, login, logs, machine, mistake, money, network, night, notice, owner, partner, person, problem, read, really,
      russia, somebody, someone, still, typed, vendor, verify, visible`,
    ),
  },
  phrases: {
    ...each(
      2.5,
      `check for, protected against, review code for, safe from, security of, security review, test for,
      vulnerability in`,
    ),
    ...each(
      1.6,
      `access key, act as, address bar, admin account, admin rights, again and again, age check, another customer,
      another tenant, another user, api key, are we allowed, bank details, be abused, be bypassed, be changed,
      be faked, be fooled, be forged, be forgotten, be guessed, be read by, be stolen, be tricked, be trusted,
      become public, behind our back, being stolen, break in, break into, broke in, brute force, by mistake,
      card number, carried out, changing the id, changing the number, clear text, commit a key, credit card,
      cross site, data leaves, data protection, database exposed, database password, database reachable,
      do we have to report, each other s, end of the season, ex employee, failed logins, fake accounts, file upload,
      for free, foreign script, former employee, former staff, from abroad, from outside, from the internet, get at,
      get hold of, get in, get into, get past, get stolen, git history, give away, got in, got into, hand over,
      hands data, hands of, in a row, in our name, in plain sight, in the address, in the open, in the url,
      known holes, known issues, known weaknesses, least privilege, leave the house, left the company, left us,
      locked out, log in as, log out, logged in from, lost laptop, lost phone, man in the middle, may we,
      missing laptop, more than they should, no longer works here, not logged in, not meant to, not supposed,
      not their own, not theirs, old accounts, on our behalf, on purpose, one another s, open ports, open redirect,
      open to anyone, open to everyone, other customers, other people s, other users, out of the hands, over and over,
      path traversal, payment security, personal data, personnel files, plain text, pretend to be, private details,
      private key, prompt injection, public wifi, publicly readable, publicly visible, published advisories,
      rate limit, read back, reset link, right to send, root access, run a program, run code, second factor,
      secret key, security hole, security test, session token, should not see, shouldn t see, sign in as,
      single sign on, somebody else, someone else, sql injection, stolen laptop, stolen phone, stranger s,
      supply chain, supposed to see, switched off because, take over, taken over, terms of service, than their own,
      third party, threat analysis, too many tries, too much about, took over, turned off, two factor, two step,
      usb stick, user input, visitor typed, way around, who approved, who besides, who can read, who can see,
      who logged, who looked, who opened, who read, who signed, without a password, without asking, without logging in,
      without paying, without permission, world readable, wrong hands, wrong tries, zero day`,
    ),
  },
  actions: {
    ...each(1.8, 'assess, attack, audit, hack, harden, hunt, pentest, probe, scan, threat model'),
    ...each(1.5, 'penetrate, revoke, rotate, verify'),
    ...each(1.2, 'secure'),
    ...each(
      1,
      `check, encrypt, evaluate, examine, inspect, investigate, look for, look into, look through, protect, review,
      simulate, test`,
    ),
    ...each(0.6, 'find'),
    ...each(0.5, 'analyse, analyze, search'),
  },
  openings: {
    ...each(
      1.8,
      `can anybody, can anyone, can somebody, can someone, could anybody, could anyone, could somebody, could someone,
      how could, how easily, how easy, how hard, how safe, how secure, how well, how would, is it possible, is it safe,
      try to break, try to get, try tricking, what can a, what could, what keeps, what prevents, what stops,
      what would a, what would an, who besides, who can, who could, who else, would anybody, would anyone,
      would it be possible`,
    ),
    ...each(
      1.5,
      `are we, can a, can an, can customers, can guests, can one, can our, can people, can strangers, can the,
      can users, can visitors, check for, check if, check our, check that, check whether, confirm that, could a,
      could an, could our, could the, did anyone, did somebody, ensure nobody, ensure that only, find out if,
      find out whether, find places, go through the code, has anybody, has anyone, i am worried, i m worried,
      is anybody, is anyone, list risks, look for code, look for places, look whether, make a list of risks,
      make sure no, make sure nobody, make sure only, make sure that no, make sure that nobody, make sure that only,
      might, point out, prepare us, prove that, search the code, see if, see whether, simulate an, tell me if,
      tell me whether, test if, test whether, verify that, we re worried, what happens if, what if, who had, who has,
      who is allowed, who may, would a, would our, would we`,
    ),
    ...each(
      1.2,
      `do our, how do we know, how do we prevent, how do we prove, how do we stop, may we, which employees, which old,
      which staff, who approved, who looked, who opened, who read`,
    ),
    ...each(
      1,
      `a customer says, a researcher, a stranger, confirm, could, did, do the, does, ensure, explain how somebody,
      find any, find out, go through, look at, prove, rate the, try, try to, what would, which accounts, would`,
    ),
    ...each(0.8, 'are, can, is'),
    ...each(0.7, 'do we, somebody'),
    ...each(0.6, 'has, have, nobody, what can, which of our'),
    ...each(0.5, 'someone, was, watch, were, who'),
    ...each(0.4, 'what do, what does'),
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
