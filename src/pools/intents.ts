import type { Intent } from './intent.js'
import { codegenExamples, databaseExamples, securityExamples } from './intent-examples.js'

/** One weight for a list of words or phrases, with commas between them. */
function each(weight: number, list: string): Readonly<Record<string, number>> {
  return Object.fromEntries(list.split(',').map(text => [text.trim(), weight]))
}

const makes =
  'build, create, make, develop, launch, set up, start, open, deliver, full, complete, whole, entire, new, full stack'.split(
    ', ',
  )
const wholeThings = (
  'website, web site, site, web shop, webshop, online shop, online store, shop, store, e-commerce, ecommerce, e-commerce setup, ' +
  'ecommerce setup, e-commerce site, e-commerce platform, marketplace, platform, portal, web app, web application, booking system, ' +
  'online booking, saas, saas product, web presence, social network, setup'
).split(', ')
/** Things that no single one of the three pools can build. */
const products: readonly string[] = [
  ...makes.flatMap(make => wholeThings.map(thing => `${make} ${thing}`)),
  'build app from scratch',
]

/** Code: features, pages, endpoints, bugs, tests, releases. */
const codegen: Intent = {
  words: {
    ...each(
      1.5,
      `frontend, backend, endpoint, component, widget, refactor, refactoring, readme, codebase, compile, compiler, typescript, javascript,
      react, vue, angular, svelte, nextjs, tailwind, jquery, css, html, python, kotlin, swift, rust, golang, php, django, flask, fastapi,
      laravel, rails, webhook, sdk, graphql, deploy, deployment, bug, bugfix, crash, feature, button, dropdown, checkbox, tooltip, modal,
      popup, dialog, sidebar, navbar, footer, carousel, slider, spinner, layout, responsive, autocomplete, wishlist, lint, linter, eslint,
      pipeline, docker, dockerfile, kubernetes, mock, callback, async, storybook, changelog, bundler, vite, webpack, hooks, redux, typo,
      misspelled, blurry, misaligned, flicker, animation, font, icon, logo, headline, navigation, submenu, screenshot, clickable, monorepo,
      subclass, stylesheet, boilerplate, ci, unreadable, converter, minify, npm, unresponsive, jest, vitest, cypress, playwright, swagger`,
    ),
    ...each(
      1,
      `app, webpage, homepage, page, screen, ui, ux, interface, form, menu, header, heading, banner, image, picture, photo, gallery, color,
      colour, blue, green, red, yellow, grey, gray, theme, dark, style, styling, pixel, mobile, tablet, iphone, ipad, android, ios, browser,
      safari, chrome, firefox, desktop, toggle, tab, diagram, chart, dashboard, scroll, swipe, tap, click, press, keyboard, shortcut, zoom,
      rotate, translate, translation, wording, label, newsletter, notification, reminder, calendar, pdf, cart, basket, checkout, paypal,
      stripe, klarna, calculator, map, slack, sms, avatar, settings, preferences, accessibility, seo, sitemap, print, printer, printable,
      barcode, qr, video, player, rating, star, timeline, kanban, board, wizard, onboarding, tutorial, faq, blog, landing, signup, function,
      method, class, variable, module, package, plugin, cli, script, tool, command, unit, flaky, coverage, error, exception, broken, wrong,
      freeze, frozen, stuck, blank, white, weird, ugly, odd, overlap, release, rollout, staging, commit, branch, docs, documentation,
      prototype, legacy, deprecated, nodejs, config, configuration, timezone, rounding, locale, german, french, italian, integrate,
      integration, implement, build, rebuild, develop, developer, programmer, rename, cron, loop, promise, feed, rss, bluetooth, gps,
      offline, emoji, markdown, editor, template, preview, thumbnail, countdown, badge, hover, dhl, wrapper, parser, parse, json, xml, yaml,
      service, microservice, websocket, terminal, functionality, greeting, weather, spelling, placeholder, breadcrumb, drag, drop,
      favourite, favorite, playlist, arrow, link, cancel, beep, sound, loud, confetti, wheel, picker, slot, guided, tour, gesture, monitor,
      watch, smartwatch, kiosk, tv, widescreen, landscape, portrait, cursor, mouse, dropping, corner, margin, padding, border, shadow,
      background, width, alignment, sentence, paragraph, caption, invisible, greyed, disabled, crooked, sticky, comma, undefined, nan,
      stale, typed, typing, autosave, formula, convert, converter, bundle, upgrade, framework, app store, install, installer, setup`,
    ),
    ...each(
      0.6,
      `code, api, application, website, site, text, title, search, phone, shopper, visitor, chat, comment, test, tests, version, live,
      library, production, cookie banner, server, upload, download, filter, pagination, coupon, currency, voice, camera, node, type,
      design, spanish, worker, message, mail, email, hour, clock, login, register, profile, work, working, fail, failing, hang, stable,
      clean, nicer, look, appear, see, automatically, line, piece, cache, performance, pay, accept, brand, minute, invoice, parcel,
      tracking, monday, sunday, holiday, holidays, morning, welcome, friendly, confirmation, delivery, shipping, receipt, step, user, tax,
      discount, recipe, option, choose, pick, silly, annoying, confusing, remember, room, section, reload, refresh, behave, odd, nothing,
      instead, half, extra, small, smaller, bigger, larger, big, below, above, top, bottom, left, next to, back, front`,
    ),
  },
  phrases: {
    ...each(
      1.6,
      `front end, back end, user interface, dark mode, light mode, unit test, end to end, pull request, command line, home page, start page,
      contact form, contact page, search box, search bar, drag and drop, push notification, error message, feature flag, feature toggle,
      type error, stack trace, does not work, doesn t work, don t work, not working, stopped working, nothing happens, turns white, infinite
      scroll, apple pay, google pay, google maps, google account, off by one, time zone, wrong time, wrong date, wrong price, one day, one
      hour, hot reload, memory leak, source code, dead code, copy pasted, copy and paste, spaghetti code, open source, next js, node js, sign
      up flow, go live, goes live, put live, live tonight, new version, latest version, app store, play store, opening hours, environment
      variable, github action, build fails, doesn t load, does not load, won t load, won t open, page load, load faster, loads slowly, screen
      reader, landing page, settings screen, language switch, cut off, hard to read, hard to see, can t find, can t see the, looks wrong,
      look like, looks like, looks odd, one sheet, comes out as, come out as, shows up, show up, shown in, text message, web tool, class
      component, should be able, be able to, so that users, so people can, should also, instead of, as soon as, when i, when you, when
      people, when somebody clicks, if i tap, if you click, each time i, every time i, back button, night build, minus sign, too small, too
      large, too long for, too slow to load, the way it looks, easy to use, easier to use, easier to read, step by step, first time visitors`,
    ),
    ...each(
      3,
      `database migration, migration file, migration script, fix security, fix vulnerability, fix hole, fix injection, bug in
      authentication, bug in login, login page, login form, login screen, password field, orm model, table component, database client,
      login button, password reset page, admin page, api client, sign in with google, sign in with apple, sign in with facebook`,
    ),
  },
  actions: {
    ...each(
      1.6,
      `build, implement, code, develop, refactor, rewrite, rename, fix, debug, deploy, redesign, restyle, style,
      integrate, hook, wire, port, scaffold, prototype, render, animate, translate, roll out, release, publish,
      ship, show, display, swap, program, resize, embed`,
    ),
    ...each(1.3, `let`),
    ...each(
      1.1,
      `add, create, make, change, replace, update, upgrade, bump, put, split, convert, extract, simplify, clean up,
      get rid, hide, introduce, support, enable, allow, offer, expose, connect, install, switch, configure, extend,
      improve, tweak, adjust, write, generate, sort out, solve, repair, validate, print, send, automate, wrap,
      cover, revert, cherry pick, document, finish, comment, shorten, separate, package, bundle, highlight,
      disable, draft, complete, cut, turn, remind, notify`,
    ),
    ...each(1, `teach, provide, attach, trim, correct, adapt`),
    ...each(0.8, `use, handle, break`),
    ...each(0.7, `remove, move, give`),
    ...each(0.6, `deliver`),
    ...each(0.5, `prepare`),
  },
  openings: {
    ...each(
      1.6,
      `make the, make our, make it, make them, turn the, turn our, let users, let customers, let people, let guests,
      let visitors, let the, let me, let our, write me, write a script, write a program, write a function,
      write unit, write tests, write the code, center, align`,
    ),
    ...each(
      1.1,
      `catch, round, format, why does the app, why is the page, why does the page, move the button, draw the,
      design a page, design the page, cut the, give it, give the, help users, push the, ask users, ask customers,
      tell users, warn users, play, open the, close the, stop the, stop showing, start the, pause, freeze the,
      preload, cache, log, measure, bring the`,
    ),
    ...each(
      0.7,
      `set up, reduce, the button, the page, the app, our app, our mobile, our website, our site, the website,
      our checkout, the menu, on the, on small, on mobile, in the app, after i, users, customers, visitors, people,
      guests, clicking, customers want, we want, i want, i d like, we d like, we would like, i would like,
      it should, there should, there s a, there is a, nothing happens, whenever, when, every time, our start,
      the start, the home, the logo, the text, the picture, the price, the form, the search, the header,
      the calendar, the mail, the confirmation, the login, the back, sort, group the, explain`,
    ),
  },
  examples: codegenExamples,
  partOf: products,
}

/** Security: weaknesses, attacks, secrets, who may do what, compliance. */
const security: Intent = {
  words: {
    ...each(
      2.5,
      `vulnerability, vulnerable, vuln, owasp, xss, csrf, ssrf, sqli, rce, cve, pentest, penetration, exploit, exploitable, hacker, hacked,
      hack, attacker, attack, malware, ransomware, virus, trojan, phishing, backdoor, loophole, breach, intruder, burglar, hijack, tamper,
      gdpr, hipaa, pci, soc2, ddos, malicious, insecure, unauthorized, unauthorised, unauthenticated, firewall, crook, criminal, thief,
      thieves, fraud, fraudster, scammer, eavesdrop, spy, spying, snoop, infected, hostile, cheater, advisory, advisories, impostor`,
    ),
    ...each(
      1.7,
      `security, secure, securely, compliance, compliant, privacy, encrypt, encryption, encrypted, decrypt, tls, ssl, https, certificate,
      password, passphrase, credential, secret, confidential, sensitive, threat, risk, risky, unsafe, suspicious, injection, inject, leak,
      leaked, steal, stolen, theft, spoof, forge, forged, fake, bypass, circumvent, impersonate, impersonation, untrusted, sanitize,
      sanitise, sanitized, weakness, flaw, permission, privilege, unprotected, brute, mfa, 2fa, captcha, abuse, abused, audit, scan, spyware,
      cheat, cheating, trick, tricked, fool, fooled, stranger, outsider, blackmail, scam, illegally, plaintext, crack, cracked, guessable,
      intercept, sniff, hole, keylogger, csp, oauth, jwt, hash, hashed, salted, harden, hardening, consent, dsgvo, ccpa, sox, iso27001,
      incident, trustworthy, trusted, reachable, guess, guesses, pin, iframe, clickjacking, deserialization, unescaped, traversal, rogue,
      competitor, scrape, scraping, redirect, casino, darknet, ransom, undetected, unnoticed, impersonating, authenticity, whistleblower`,
    ),
    ...each(
      1,
      `protect, protected, protection, safe, safely, safety, danger, dangerous, access, admin, administrator, rights, role, trust,
      authentication, authorization, authorisation, authorize, exposed, token, cookie, session, sneak, peek, weak, personal, private, law,
      legal, regulation, policy, revoke, expire, anybody, anyone, nobody, pretend, misuse, spam, outdated, dependency, patch, escape,
      allowed, forbidden, restrict, restricted, locked, lockout, suspicion, worry, worried, laptop, contractor, cors, sandbox, flood,
      flooding, dos, port, vpn, proxy, signature, signed, blindly, anonymous, anonymously, disclose, reveal, revealing, identity, victim,
      harm, harmful, damage, invade, untrustworthy, unknown, dodgy, shady, fishy, compromise, compromised, manipulate, manipulated, tenant,
      colleague, employee, staff, intern, unlimited, attempt, robot, voucher, cloud, refunded, researcher, contract, illegal, lawyer, fine,
      authority, authorities, certified, survive, properly, publicly, internet, bucket, wifi, usb, stranger, neighbour, neighbor, kid,
      kids, ex, boss, wallet, cardholder, credit, bribe, payroll, salary, salaries, patient, medical, medicine, passport, fingerprint,
      license, licence, permit, permits, permitted, forum, everybody, everyone, foreign, terminal, bad, evil, mischief, prank, sabotage`,
    ),
    ...each(
      0.5,
      `key, keys, somebody, someone, login, verify, visible, owner, hidden, bot, refund, open, account, accounts, lock, expose, person,
      partner, vendor, mistake, notice, device, machine, block, ban, check, besides, actually, really, still, handled, handle, input,
      logs, read, country, abroad, russia, china, brazil, night, money, cash, free, problem, detail, details, typed, remote, network`,
    ),
  },
  phrases: {
    ...each(
      1.6,
      `someone else, somebody else, other people s, other users, another user, another customer, another tenant, other customers, each other
      s, one another s, without logging in, without a password, without permission, without paying, without asking, not logged in, logged
      out, log out, logs out, logging out, two factor, two step, second factor, brute force, rate limit, api key, access key, private key,
      secret key, commit a key, plain text, clear text, third party, personal data, private details, git history, left the company, left us,
      former employee, former staff, ex employee, no longer works here, old accounts, fake accounts, admin rights, admin account, root
      access, get into, got into, break into, break in, broke in, breaking in, get in, got in, get at, get hold of, get past, open ports,
      security hole, known holes, known issues, known weaknesses, published advisories, data protection, be forgotten, single sign on, in a
      row, sign in as, signed in as, log in as, logged in from, act as, pretend to be, take over, took over, taken over, wrong hands, should
      not see, shouldn t see, not supposed, not meant to, supposed to see, least privilege, path traversal, file upload, give away, gives
      away, security test, sql injection, payment security, cross site, open redirect, session token, reset link, zero day, supply chain, man
      in the middle, public wifi, in the url, address bar, changing the number, changing the id, in the address, database password, database
      exposed, database reachable, who can read, who can see, over and over, again and again, for free, be trusted, credit card, card number,
      card numbers, bank details, who besides, open to everyone, open to anyone, from the internet, from outside, from abroad, in our name, on
      our behalf, read back, carried out, user input, visitor typed, stranger s, being stolen, be stolen, get stolen, be guessed, be abused,
      be changed, be read by, be tricked, be fooled, be bypassed, be faked, be forged, turned off, locked out, behind our back, by mistake
      public, publicly visible, publicly readable, terms of service, hands of, out of the hands, run a program, run code, foreign script`,
    ),
    ...each(
      2.5,
      'review code for, security of, security review, check for, vulnerability in, test for, protected against, safe from',
    ),
  },
  actions: {
    ...each(1.8, `audit, scan, pentest, harden, threat model, attack, hack, assess, probe, hunt`),
    ...each(1.5, `verify, revoke, rotate, penetrate`),
    ...each(1.2, `secure`),
    ...each(
      1,
      `check, inspect, investigate, test, review, examine, look for, look into, look through, simulate, protect,
      evaluate, encrypt`,
    ),
    ...each(0.6, `find`),
    ...each(0.5, `search, analyse, analyze`),
  },
  openings: {
    ...each(
      1.8,
      `try to break, try to get, try tricking, who can, who could, who else, who besides, can someone,
      could someone, can somebody, could somebody, can anyone, could anyone, can anybody, could anybody,
      would anyone, would anybody, is it possible, would it be possible, is it safe, how easily, how easy,
      how hard, how safe, how secure, what could, what can a, what stops, what prevents, what keeps, what would an,
      what would a, how could, how would, how well`,
    ),
    ...each(
      1.5,
      `can a, can an, can one, can the, could a, could an, could the, can strangers, can people, can users,
      can visitors, can customers, can guests, can our, could our, might, what happens if, what if, has anyone,
      has anybody, did anyone, did somebody, is anyone, is anybody, are we, would we, would our, would a, who has,
      who may, who is allowed, who had, i m worried, i am worried, we re worried, check that, check whether,
      check if, check for, check our, see if, see whether, test whether, test if, find out if, find out whether,
      tell me if, tell me whether, verify that, confirm that, prove that, make sure nobody, make sure no,
      make sure only, make sure that only, make sure that nobody, make sure that no, ensure that only,
      ensure nobody, point out, look for code, look for places, go through the code, search the code, find places,
      look whether, make a list of risks, list risks, simulate an, prepare us`,
    ),
    ...each(
      1,
      `does, do our, do the, did, could, would, confirm, prove, find out, look at, ensure, try, try to, rate the,
      find any, a researcher, a customer says, a stranger, go through, which employees, which accounts, what would,
      explain how somebody`,
    ),
    ...each(0.8, `is, are, can`),
    ...each(0.7, `do we, somebody`),
    ...each(0.6, `nobody, has, have, which of our, what can`),
    ...each(0.5, `was, were, someone, watch, who`),
    ...each(0.4, `what does, what do`),
  },
  examples: securityExamples,
  partOf: products,
}

/** Databases: schemas, queries, indexes, backups, moving and counting data. */
const database: Intent = {
  words: {
    ...each(
      2.6,
      `database, databases, postgres, postgresql, mysql, mariadb, sqlite, supabase, mongodb, mongo, redis, dynamodb, cassandra, oracle,
      elasticsearch, clickhouse, bigquery, snowflake, duckdb, prisma, schema, query, queries, backup, backups, deadlock, materialized,
      materialised, collation, denormalize, denormalise, normalize, normalise, shard, sharding, replica, replication, postgis, timescale,
      subquery, varchar, jsonb, boolean, booleans, upsert, rollup`,
    ),
    ...each(
      1.8,
      `sql, db, table, row, column, record, index, indexes, indices, partition, transaction, restore, migrate, migration, constraint, join,
      dataset, etl, snapshot, dump, archive, archived, retention, purge, duplicate, duplicates, deduplicate, aggregate, entity, entities,
      cardinality, tuple, trigger, cascade, orphan, orphaned, rollback, failover, vacuum, lookup, csv, spreadsheet, excel, ledger, warehouse,
      sheet, wiped, keyspace, referential, subtotal, percentile, denormalized, bestseller`,
    ),
    ...each(
      1,
      `data, storage, stored, store, persist, disk, import, unique, null, total, totals, sum, average, count, median, figure, figures,
      statistic, statistics, report, revenue, turnover, sales, monthly, quarterly, yearly, weekly, nightly, recover, recovery, lost,
      overwritten, overwrite, overwrote, sluggish, slow, slower, garbled, umlaut, encoding, charset, consistent, inconsistent,
      inconsistency, integrity, relation, relationship, hierarchy, field, empty, default, million, billion, thousand, gigabyte, terabyte,
      realtime, subscription, subscriptions, subscribe, sync, synchronize, synchronise, view, procedure, uuid, timestamp, history,
      historical, older, oldest, catalog, catalogue, inventory, stock, bookkeeping, retrieve, fetch, distinct, twice, doubled, merge,
      merged, capacity, growth, grow, grown, concurrent, cluster, accidentally, undo, deleted, optimize, optimise, tuning, tune, share,
      percent, percentage, gaps, gap, decimal, decimals, writer, writers, writes, reads, postal, zip, existing, searchable, overnight, weekday,
      branches, supplier, suppliers, sensor, sensors, reading, readings, measurement, measurements, temperature, temperatures, hold, fastest,
      sold, bought, spent, earned, ordered, since, belong, belongs, exist, exists, attribute, property, locking, blocks, rename column,
      december, january, february, march, april, june, july, august, september, october, november, spring, summer, autumn, winter,
      christmas, easter, decade, year, years, connections, pool, numbers, space, size, normal`,
    ),
    ...each(
      0.4,
      `customer, member, order, orders, booking, bookings, month, week, quarter, name, names, address, addresses, number, list, copy, save,
      saved, keep, kept, night, category, price, prices, same, between, per, region, city, product, products, invoice, invoices, delete, old,
      export, group, missing, latest, newest, load, quick, fast, hour, minutes, seconds, all, lines, article, articles, every, box, each,
      double, mixed, running, point, changed, past, ago, until, today, yesterday, tuesday, monday, daily, time, model, client, clients`,
    ),
  },
  phrases: {
    ...each(
      1.6,
      `foreign key, primary key, unique key, composite key, good key, how many, how much, how big will, older than, last month, last year,
      last week, last quarter, last night s, yesterday s, this year, per month, per year, per day, per customer, per store, per region, per
      week, per weekday, top ten, top 10, top five, top hundred, character set, full text, stored procedure, connection pool, open
      connections, out of connections, real time, point in time, soft delete, sample data, test data, data centre, data center, every night,
      each night, once a night, all night, over night, more than once, twice in, four times, three times, at the same time, at once, same
      minute, same second, takes minutes, takes seconds, takes forever, takes ages, takes too long, twenty minutes, half a minute, half an
      hour, slow lookup, bring back, get back, get them back, get it back, ran out of space, disk space, disk is, too big, take up, time
      series, many to many, one to many, data model, data type, bulk insert, batch insert, group by, order by, row level security, row level,
      write ahead, execution plan, explain analyze, old system, to the new system, without losing, without downtime, master data, price list,
      customer list, product list, list of guests, list of customers, out of sync, our records, all records, all customers, all orders, each
      customer, every customer, all members, in march, never since, never ordered, never used, read replica, change data capture, event
      store, key value, look up, looked up, looking up, searching by, search by, filtering by, sorting by, filter by, no longer exist, no
      longer exists, belong together, belongs to, point to, points to, first and last name, last name, running number, existing customers,
      existing guests, second copy, nightly copy, copy of, come over, bring over, brings over, sales over, left behind, leaves behind, wiped
      out, best selling, sold best, sells best, came back, come back within, share of, so far, of all time, in total, on average, blocks all,
      write at once, numbers get lost, from one table, into one table, separate tables, one table, two tables, stored as, kept as, kept in,
      keep track, record who, who changed, not been here, haven t bought, have not bought, haven t ordered, since christmas, in three years,
      by city, by month, by year, by customer, by region, by category, by name`,
    ),
  },
  actions: {
    ...each(
      1.6,
      `count, migrate, back up, backup, archive, index, partition, import, normalize, normalise, deduplicate,
      optimize, optimise, reindex`,
    ),
    ...each(1.5, `replicate, shard, aggregate, query, vacuum`),
    ...each(1, `restore, list, tune, store, design, model, purge, load, sync, seed, denormalize`),
  },
  openings: {
    ...each(
      1.6,
      `how many, how much, how big, list all, list every, list the customers, export all, export the, what share,
      what percentage, what was the, what is the average, who bought, who ordered, which customers, which products,
      which orders, which members, which articles, which tables, which indexes, which columns, which dishes,
      which suppliers, which branch, which branches, which day, which month, which ten, where should we keep,
      where should we store, where do we keep, add up, should the, should we`,
    ),
    ...each(
      1,
      `which, sum, total, fill in, merge, speed up, pull, keep, save, come up with, move all, move the data,
      move our, copy, collect, gather, calculate, compute, work out, give me, get me, get all, fetch, find all,
      find every, find customers, find orders, find the customers, find bookings, find duplicates, should,
      what was, what were, compare, group, link, map, reorganize, reorganise, schedule, rank, reduce the size,
      shrink, tidy up, undo, recover, delete all, delete the old, delete everything, throw out, throw away,
      looking up, searching, opening a, the disk, the report, the reports, the import, the nightly, the list,
      our records, could we hold, could we store, could we keep, we re moving, we are moving, choose a, draw how,
      tell me how many, sort all, get the, put all, put the suppliers, put the customers, for each, for every,
      give each, give every, give all, refresh the, several, two, postal, deleting, someone deleted,
      somebody deleted, we accidentally, we lost, we deleted, i deleted`,
    ),
  },
  examples: databaseExamples,
  partOf: products,
}

/**
 * Intents for three common pools: `codegen`, `database` and `security`. Take them all, or spread one and add to it.
 * Fixed with the library's version: a text that goes to one pool today may go to another after an upgrade that says so.
 */
export const agentIntents: { readonly codegen: Intent; readonly database: Intent; readonly security: Intent } = {
  codegen,
  database,
  security,
}
