import type { Intent } from 'counterpoint'
import { each, sentences } from './word-lists.js'

/** Code: features, pages, endpoints, bugs, tests, releases. */
export const codegenIntent: Omit<Intent, 'partOf'> = {
  words: {
    ...each(
      1.5,
      `angular, animation, async, autocomplete, backend, blurry, boilerplate, bug, bugfix, bundler, button, callback,
      carousel, changelog, checkbox, ci, clickable, codebase, compile, component, converter, crash, css, cypress,
      deploy, deployment, dialog, django, docker, dockerfile, dropdown, endpoint, eslint, fastapi, feature, flask,
      flicker, font, footer, frontend, golang, graphql, headline, hooks, html, icon, javascript, jest, jquery, kotlin,
      kubernetes, laravel, layout, lint, linter, logo, minify, misaligned, misspelled, mock, modal, monorepo, navbar,
      navigation, nextjs, npm, php, pipeline, playwright, popup, python, rails, react, readme, redux, refactor,
      responsive, rust, screenshot, sdk, sidebar, slider, spinner, storybook, stylesheet, subclass, submenu, svelte,
      swagger, swift, tailwind, tooltip, typescript, typo, unreadable, unresponsive, vite, vitest, vue, webhook,
      webpack, widget, wishlist`,
    ),
    ...each(
      1,
      `404, accessibility, alarm, alignment, analytics, android, app, app store, arabic, arrow, autofill, autoplay,
      autosave, avatar, background, badge, banner, barcode, basket, beep, birthday, blank, blog, blue, bluetooth,
      board, bold, border, branch, breadcrumb, broken, browser, build, bundle, calculator, calendar, cancel, capital,
      caption, cart, chart, checkout, chinese, chrome, class, cli, click, code, color, colour, comma, command, commit,
      compiler, confetti, config, configuration, convert, corner, countdown, coverage, cron, crooked, crop, css grid,
      cursor, dark, dashboard, deprecated, desktop, develop, developer, dhl, diagram, directions, disabled, display,
      docs, documentation, drag, drawing, drop, dutch, editor, embed, emoji, english, error, exception, facebook, faq,
      favicon, favorite, favourite, feed, figma, finger, firefox, flaky, flexbox, form, formula, framework, freeze,
      french, frozen, function, functionality, gallery, game, german, gesture, glance, glitch, gmail, gps, gray, green,
      greet, grey, guided, handwriting, header, heading, headset, highscore, homepage, hot key, hover, hydration, ical,
      image, implement, instagram, install, installer, integrate, interface, intro, invisible, ios, ipad, iphone,
      italian, italic, japanese, json, jump, kanban, keyboard, kiosk, klarna, label, lag, landing, landscape, legacy,
      letterhead, letters, lightbox, line break, link, locale, loop, loud, lowercase, map, margin, markdown, mastodon,
      menu, method, microphone, microservice, mirror, mobile, module, monitor, mouse, mute, nan, newsletter, nickname,
      nodejs, notification, odd, offline, onboarding, outlook, overlap, overview, package, padding, page, paragraph,
      parallax, parse, parser, paypal, pdf, photo, picker, picture, pixel, placeholder, playback, player, playlist,
      plugin, polish, poll, portrait, portuguese, powerpoint, preferences, press, preview, print, printable, printer,
      programmer, progress bar, promise, prototype, puzzle, qr, quiz, rating, rebuild, red, regex, release, reminder,
      rename, rework, right handed, rollout, rotate, rounding, route, rss, safari, screen, screensaver, script, scroll,
      scroll bar, sentence, seo, service, settings, setup, shadow, shopify, shortcut, signup, sitemap, slack, slides,
      slot, smartwatch, sms, snippet, snooze, sound, spelling, splash, spotify, ssr, staging, stale, star, sticker,
      sticky, stopwatch, stripe, stroke, stuck, style, subtitle, swedish, swipe, tab, tablet, tap, telegram, template,
      terminal, theme, thermostat, thumbnail, ticket, tiktok, till, timeline, timer, timezone, tiny, toggle, tool,
      tour, translate, turkish, tutorial, tv, twitter, typed, ugly, ui, undefined, underline, unit, upgrade, uppercase,
      usable, ux, vanish, variable, video, volume, warning, watch, watermark, weather, webcam, webpage, websocket,
      weird, whatsapp, wheel, white, widescreen, width, wizard, wording, wordpress, wrapper, wrong, xml, yaml, yellow,
      youtube, zoom`,
    ),
    ...each(
      0.6,
      `above, accept, adapter, annoying, answer, api, appear, application, assistant, automatically, back, behave,
      below, big, bigger, boring, bottom, brand, cache, camera, chat, choose, clean, clock, comment, confirmation,
      confusing, connect, cookie banner, coupon, currency, delivery, design, discount, download, elevator, email,
      extra, fail, family, filter, fix, folder, friend, front, half, hang, holiday, hour, instead, invite, invoice,
      job, kitchen, larger, left, library, line, live, login, long, look, mail, mark, members, message, minute, monday,
      morning, next to, nicer, node, nothing, offered, online, option, pagination, parcel, pay, performance, phone,
      pick, piece, production, profile, receipt, recipe, redirect, refresh, register, reload, remember, robot, room,
      search, seat, section, see, server, shipping, shopper, silly, site, small, smaller, spanish, stable, step,
      style guide, sunday, tax, test, text, title, top, tracking, upload, user, version, visitor, voice, website,
      welcome, work, worker`,
    ),
  },
  phrases: {
    ...each(4, 'database migration'),
    ...each(
      3,
      `admin page, api client, bug in authentication, bug in login, database client, fix hole, fix injection,
      fix security, fix vulnerability, login button, login form, login page, login screen, migration file,
      migration script, orm model, password field, password reset page, sign in with apple, sign in with facebook,
      sign in with google, table component`,
    ),
    ...each(
      1.6,
      `a second line, app store, apple pay, as soon as, at a glance, back button, back end, be able to, bring online,
      build fails, by itself, by keyboard, by voice, can t find, can t see the, class component, come out as,
      command line, contact form, contact page, copy and paste, copy pasted, cut off, dark mode, date picker,
      dead code, does not load, does not work, doesn t load, doesn t work, don t work, drag and drop, each time i,
      easier to read, easier to use, easy to use, end to end, environment variable, error message, every time i,
      feature flag, feature toggle, first time visitors, front end, github action, go live, goes live, google account,
      google maps, google pay, hard to read, hard to see, home page, hot reload, if i tap, if you click,
      in the background, infinite scroll, instead of, landing page, language switch, latest version, light mode,
      line breaks, live site, live tonight, load faster, loads slowly, look like, looks odd, looks wrong, memory leak,
      minus sign, new version, next js, night build, node js, not working, nothing happens, off by one, old addresses,
      on a phone, on a watch, on its own, on my phone, on the phone, one click, one day, one hour, one sheet,
      open source, opening hours, page load, per keyboard, play store, pop up, pull request, push notification,
      put live, road map, screen reader, search bar, search box, settings screen, should also, should be able, show up,
      shown in, sign in with, sign up flow, so people can, so that users, source code, spaghetti code, stack trace,
      start page, step by step, stopped working, test server, text message, the way it looks, time zone, too large,
      too long for, too slow to load, too small, turns white, type error, unit test, user interface, web tool, when i,
      when people, when somebody clicks, when you, won t load, won t open, wrong date, wrong page, wrong price,
      wrong time`,
    ),
  },
  actions: {
    ...each(
      1.6,
      `animate, build, code, debug, deploy, develop, display, embed, fix, hook, implement, integrate, port, program,
      prototype, publish, redesign, refactor, release, rename, render, resize, restyle, rewrite, roll out, scaffold,
      ship, show, style, swap, translate, wire`,
    ),
    ...each(1.3, 'let'),
    ...each(
      1.1,
      `add, adjust, allow, automate, bump, bundle, change, cherry pick, clean up, comment, complete, configure, connect,
      convert, cover, create, cut, disable, document, draft, enable, expose, extend, extract, finish, generate,
      get rid, hide, highlight, improve, install, introduce, make, notify, offer, package, print, put, remind, repair,
      replace, revert, send, separate, shorten, simplify, solve, sort out, split, support, switch, turn, tweak, update,
      upgrade, validate, wrap, write`,
    ),
    ...each(1, 'adapt, attach, correct, provide, teach, trim'),
    ...each(0.8, 'break, handle, use'),
    ...each(0.7, 'give, move, remove'),
    ...each(0.6, 'deliver'),
    ...each(0.5, 'prepare'),
  },
  openings: {
    ...each(
      1.6,
      `align, center, let customers, let guests, let me, let our, let people, let the, let users, let visitors, make it,
      make our, make the, make them, turn our, turn the, write a function, write a program, write a script, write me,
      write tests, write the code, write unit`,
    ),
    ...each(
      1.1,
      `ask customers, ask users, bring the, cache, catch, close the, cut the, design a page, design the page, draw the,
      format, freeze the, give it, give the, help users, log, measure, move the button, open the, pause, play, preload,
      push the, round, start the, stop showing, stop the, tell users, warn users, why does the app, why does the page,
      why is the page`,
    ),
    ...each(
      0.7,
      `after i, clicking, customers, customers want, every time, explain, group the, guests, i d like, i want,
      i would like, in the app, it should, nothing happens, on mobile, on small, on the, our app, our checkout,
      our mobile, our site, our start, our website, people, reduce, set up, sort, the app, the back, the button,
      the calendar, the confirmation, the form, the header, the home, the login, the logo, the mail, the menu,
      the page, the picture, the price, the search, the start, the text, the website, there is a, there s a,
      there should, users, visitors, we d like, we want, we would like, when, whenever`,
    ),
  },
  examples: sentences(`
    Add a language switcher to the top of every page
    The save button stays grey even though the form is filled in, please repair it
    Bring the invoice layout in line with our letterhead | On small phones the text runs over the edge of the screen
    Connect the contact form to our ticket system | Move the shared formatting code into its own package
    Let visitors filter the recipes by ingredient | Upgrade the project to the latest version of the framework
    Customers get two confirmation mails instead of one, stop that
    Generate a typed client from the interface description
    Remind guests of their appointment by text message a day before | Publish the new release on the staging server
    The pictures load very slowly on the product page | Make the calendar start on Monday
    Give the settings page tabs instead of one long list
    Write a parser for the supplier price file and cover it with tests
    Prices show three digits after the comma, round them | Send a message to our chat when the build breaks
    The price tag sits on top of the picture, push it below | We want a little map on the contact page
    Somebody should finally repair the back arrow on tablets | People can't find the cancel link, give it more room
    Our opening hours should change automatically on holidays | Write me something that resizes a folder of photos
    Please finish the half-done birthday reminder | The quantity box accepts minus three, that's silly
    Bring the shop to French and Italian | I'd like a page where guests can leave a rating
    Get the nightly build green again | The logo is blurry on large monitors
    Group the long settings list into sections | When two people edit the same note, show who else is typing
    Our mobile app drains the battery, do something about it
    Add a unit for kilograms next to litres in the recipe converter | Make the receipt printable on one sheet
    There's a spelling mistake on the welcome screen | Replace moment with a lighter date library
    The shipping costs come out as NaN for Switzerland | Allow sign-in with a Google account
    Cut the giant main file into modules | Let me export my holiday plan as a calendar file
    The confirmation mail arrives twice | Ship the fix from yesterday to our customers
    Nothing happens if I tap the heart | Set up a new project with Vite and ESLint
    Turn our spreadsheet price formula into a little web tool | The countdown is one day behind in Australia
    Wrap the weather service in a small client | Offer a guided tour for first-time visitors
    Comment the tricky bits of the pricing module | The back office needs a button that marks an order as packed
    Move from class components to hooks | Log how long each request takes | Let waiters split a bill between guests
    Show a friendly message when the server is down | Customers want to pick a delivery slot
    The login page looks odd in Safari | Switch our bundler to something faster | Let customers pay in two instalments
    Break the payroll screen up into steps | My grandmother can't read the tiny letters on the ticket page
    Teach the assistant to answer in Dutch | The import dialog should remember the last folder
    Put a spinner there while the offers are loading | Please port our Perl job to Python
    Every second Sunday the weekly overview is empty for people in Hawaii, sort it out
    Create a small service that turns Markdown into slides | Merge Anna's branch and bring it to the test server
    Users would like to undo the last drawing stroke | Our rounding of VAT is a cent off on long bills
    Build a health endpoint for the load balancer | Add types to the old utility files
    The tests take forty minutes, cut that in half | Make it possible to invite friends by link
    The elevator display hangs after a power cut | Hook up the door sensor to the alarm app
    Could you put the cookie notice at the bottom instead of the middle? | Wrap long product names onto a second line
    Give parents a view with the homework of all their children | Set the default language by the visitor's country
    Make an installer for Windows | Stop the video from starting on its own
    Add a field for the delivery note to the order form | We need a plugin for WordPress that shows our events
    Reply buttons vanish when the keyboard pops up | Bump React to 19 and fix what breaks
    Print name badges from the list of participants | Write docs for the public functions
    Let the robot vacuum app show the remaining battery | Sorting by price puts 100 before 20
    Support uploading several images at once | Delete the unused feature switches from the code
    Have the system send a text when a table gets free | Our podcast feed isn't accepted by Apple, make it valid
    Make the site usable for blind people | Implement retry with backoff in the mail client
    A customer's name with an apostrophe breaks the label printing | Let our drivers confirm a delivery with a photo
    The date picker won't let me choose February 29 | Make the thank-you page less boring
    Give the app a new splash screen for winter | Rewrite the coupon logic, nobody understands it any more
    I keep getting logged out in the middle of writing a post, fix it please
    Create a page where people can compare two products side by side | Our site jumps around while it loads
    Add sound when a new message comes in | Wire the thermostat to the phone app
    Turn the long sign-up into three short steps | Use the same spelling of our company name on every page
    The total in the basket doesn't change when I remove something | We'd like subtitles under the videos
    Make our tests run on every commit | Upload of large files stops at 80 percent
    Write a bot that posts our menu of the day on Mastodon | Prepare the code for the change to winter time
    Get the printer to print labels in landscape | Implement the design from Figma for the pricing page
    Can you make the map open where the visitor is? | Put the new terms and conditions on the site
    Extract the price calculation into a reusable function | The German version still has English words in it
    Add a way to skip the intro | Connect our shop with the accounting program | Remove the old banner about Christmas
    Build something that reads incoming faxes and files them as tickets
    When the internet is gone the app should say so instead of freezing
    Replace the home-grown date functions by a library | Let teachers hand out grades from their phone
    Ship version three to ten percent of the users first | Nobody can click Buy on an iPad
    Set up automatic deployment after each merge | Paint the overdue invoices red
    Teach the search box to forgive typing mistakes | Reduce the size of our JavaScript
    Support right-to-left writing | Make the robot arm stop when a door opens
    Clean the warnings that the compiler prints | Add gift wrapping as an option when people order
    The star rating shows four and a half as four | Let users rearrange their photos
    Please translate the error texts into Spanish | I can't scroll to the end of the menu on my old Samsung
    Create a tiny service that shortens links | Port the iOS widget to Android
    Bring last week's fix to the live site | Write a tutorial for our API | The opening animation is too long, trim it
    Use our corporate colors in the PDF invoices | When I press enter the form should be sent
    Split the user module in two | Offer the schedule as an RSS feed | Our deploy script stops halfway
    Hide sold-out items from the front page | Let guests order from the table with their phone
    Give admins a screen to edit the FAQ | Move the date handling into one place
    Show how many seats are left while booking | The app freezes as soon as a call comes in
    Implement automatic saving of drafts | Send a push message when the laundry is done
    Cover the invoice module with tests | Attach the receipt to the mail
    Our embed code does not work on other people's blogs | Make the fonts load faster
    Change the wording of the cancel dialog | The search shows nothing when I type capital letters
    Provide a keyboard shortcut for a new note | Update our Dockerfile to Node 22
    Add voice control to the kitchen timer | Make a picture gallery with thumbnails
    The weekly mail goes to people who unsubscribed, correct that | Develop a quiz for our museum tablets
    Draw the route on the map | Turn off autoplay | Break the circular import between cart and user
    Add a currency switch in the header | Please make the buttons easier to hit with big fingers
    Put a progress bar on the upload | The receipt printer prints umlauts as boxes, correct it
    Make the booking form work without a mouse | Have the newsletter sent on Thursdays instead of Fridays
    Customers should be able to mark an article as a gift
    Turn the price list page into something one can read on a phone
    Why is the total shown twice on the invoice page? Remove one | Add weather to the hiking app
    Create a command that checks all links in our docs | Please change the default sort order to newest first
    Our login button does nothing in Firefox | Fold the three settings dialogs into one
    Bring our theme in line with the new logo | Implement the referral programme
    Let me see at a glance which tasks are mine | Throw out the unused styles
    The chat scrolls to the top whenever a message arrives | Publish our helper functions as a package
    Write an adapter for the new payment provider
    Show prices with tax for private customers and without for companies | Give the timer a snooze button
    Upgrade to the new router and adapt the imports | Build me a page with a countdown for the opening party
    The address form rejects Irish postcodes | Speed up the first paint of the start page
    Make error messages sound less like a robot | Connect the scale on the counter with the till app
    Add Polish to the language menu | Our job that sends reminders dies after ten minutes
    Let the kitchen tick off dishes on a screen | Add a second language to the ticket machine
    Our parking app shows free spots that are long taken | Make it look nice on a watch
    The share link points to the wrong page | Create a form where patients can ask for a new prescription
    Allow two decimals in the weight box | Please write a function that turns roman numerals into numbers
    Get our webcam picture onto the club page | Round corners on all cards, please
    The order mail has no line breaks in Outlook | Redirect the old addresses to the new pages
    Rework the checkout so that it needs one click less | Hide the phone number until someone clicks on it
    Let members swap shifts with each other | Our game lags when more than ten players join
    Make the report page printable | Set the time zone of the meeting room display right
    Test the cart with a browser robot | Combine all our small scripts in one tool
    Give the API a version number in its path | Draw a graph of my weekly running distance
    The volume control jumps from quiet to loud | Bring the new house rules online | Mark required boxes with a star
    Have our site greet people by name`),
}
