import { each, type Intent, sentences } from './intent.js'

/** Code: features, pages, endpoints, bugs, tests, releases. */
export const codegenIntent: Omit<Intent, 'partOf'> = {
  words: {
    ...each(
      1.5,
      `frontend, backend, endpoint, component, widget, refactor, refactoring, readme, codebase, compile, typescript,
      javascript, react, vue, angular, svelte, nextjs, tailwind, jquery, css, html, python, kotlin, swift, rust,
      golang, php, django, flask, fastapi, laravel, rails, webhook, sdk, graphql, deploy, deployment, bug, bugfix,
      crash, feature, button, dropdown, checkbox, tooltip, modal, popup, dialog, sidebar, navbar, footer, carousel,
      slider, spinner, layout, responsive, autocomplete, wishlist, lint, linter, eslint, pipeline, docker, dockerfile,
      kubernetes, mock, callback, async, storybook, changelog, bundler, vite, webpack, hooks, redux, typo, misspelled,
      blurry, misaligned, flicker, animation, font, icon, logo, headline, navigation, submenu, screenshot, clickable,
      monorepo, subclass, stylesheet, boilerplate, ci, unreadable, converter, minify, npm, unresponsive, jest, vitest,
      cypress, playwright, swagger`,
    ),
    ...each(
      1,
      `compiler, app, webpage, homepage, page, screen, ui, ux, interface, form, menu, header, heading, banner, image,
      picture, photo, gallery, color, colour, blue, green, red, yellow, grey, gray, theme, dark, style, styling, pixel,
      mobile, tablet, iphone, ipad, android, ios, browser, safari, chrome, firefox, desktop, toggle, tab, diagram,
      chart, dashboard, scroll, swipe, tap, click, press, keyboard, shortcut, zoom, rotate, translate, translation,
      wording, label, newsletter, notification, reminder, calendar, pdf, cart, basket, checkout, paypal, stripe,
      klarna, calculator, map, slack, sms, avatar, settings, preferences, accessibility, seo, sitemap, print, printer,
      printable, barcode, qr, video, player, rating, star, timeline, kanban, board, wizard, onboarding, tutorial, faq,
      blog, landing, signup, function, method, class, variable, module, package, plugin, cli, script, tool, command,
      unit, flaky, coverage, error, exception, broken, wrong, freeze, frozen, stuck, blank, white, weird, ugly, odd,
      overlap, release, rollout, staging, commit, branch, docs, documentation, prototype, legacy, deprecated, nodejs,
      config, configuration, timezone, rounding, locale, german, french, italian, integrate, integration, implement,
      build, rebuild, develop, developer, programmer, rename, cron, loop, promise, feed, rss, bluetooth, gps, offline,
      emoji, markdown, editor, template, preview, thumbnail, countdown, badge, hover, dhl, wrapper, parser, parse,
      json, xml, yaml, service, microservice, websocket, terminal, functionality, greeting, weather, spelling,
      placeholder, breadcrumb, drag, drop, favourite, favorite, playlist, arrow, link, cancel, beep, sound, loud,
      confetti, wheel, picker, slot, guided, tour, gesture, monitor, watch, smartwatch, kiosk, tv, widescreen,
      landscape, portrait, cursor, mouse, dropping, corner, margin, padding, border, shadow, background, width,
      alignment, sentence, paragraph, caption, invisible, greyed, disabled, crooked, sticky, comma, undefined, nan,
      stale, typed, typing, autosave, formula, convert, bundle, upgrade, framework, app store, install, installer,
      setup, code, microphone, headset, bold, italic, underline, capital, uppercase, lowercase, parallax, lightbox,
      watermark, crop, mirror, mute, volume, subtitle, playback, autoplay, sticker, ticket, till, thermostat, game,
      highscore, quiz, poll, puzzle, nickname, birthday, stopwatch, alarm, timer, snooze, ical, outlook, gmail,
      whatsapp, telegram, mastodon, twitter, facebook, instagram, youtube, tiktok, spotify, route, directions,
      letterhead, powerpoint, slides, analytics, favicon, 404, wordpress, shopify, figma, dutch, polish, turkish,
      japanese, chinese, arabic, portuguese, swedish, english, scroll bar, progress bar, autofill, drawing, stroke,
      overview, display, screensaver, splash, intro, letters, tiny, glance, handwriting, usable, finger, fingers,
      right handed, tooltips, warning, regex, css grid, flexbox, ssr, hydration, hot key, rework, lag, players, webcam,
      greet, line break, glitch, jump, jumps, vanish, snippet, embed`,
    ),
    ...each(
      0.6,
      `api, application, website, site, text, title, search, phone, shopper, visitor, chat, comment, test, tests,
      version, live, library, production, cookie banner, server, upload, download, filter, pagination, coupon,
      currency, voice, camera, node, type, design, spanish, worker, message, mail, email, hour, clock, login, register,
      profile, work, working, fail, failing, hang, stable, clean, nicer, look, appear, see, automatically, line, piece,
      cache, performance, pay, accept, brand, minute, invoice, parcel, tracking, monday, sunday, holiday, holidays,
      morning, welcome, friendly, confirmation, delivery, shipping, receipt, step, user, tax, discount, recipe, option,
      choose, pick, silly, annoying, confusing, remember, room, section, reload, refresh, behave, nothing, instead,
      half, extra, small, smaller, bigger, larger, big, below, above, top, bottom, left, next to, back, front,
      redirect, assistant, answer, folder, robot, elevator, adapter, connect, job, fix, style guide, mark, members,
      invite, friend, friends, family, seat, seats, kitchen, boring, long, online, offered, printed`,
    ),
  },
  phrases: {
    ...each(4, 'database migration'),
    ...each(
      3,
      `migration file, migration script, fix security, fix vulnerability, fix hole, fix injection,
      bug in authentication, bug in login, login page, login form, login screen, password field, orm model,
      table component, database client, login button, password reset page, admin page, api client, sign in with google,
      sign in with apple, sign in with facebook`,
    ),
    ...each(
      1.6,
      `front end, back end, user interface, dark mode, light mode, unit test, end to end, pull request, command line,
      home page, start page, contact form, contact page, search box, search bar, drag and drop, push notification,
      error message, feature flag, feature toggle, type error, stack trace, does not work, doesn t work, don t work,
      not working, stopped working, nothing happens, turns white, infinite scroll, apple pay, google pay, google maps,
      google account, off by one, time zone, wrong time, wrong date, wrong price, one day, one hour, hot reload,
      memory leak, source code, dead code, copy pasted, copy and paste, spaghetti code, open source, next js, node js,
      sign up flow, go live, goes live, put live, live tonight, new version, latest version, app store, play store,
      opening hours, environment variable, github action, build fails, doesn t load, does not load, won t load,
      won t open, page load, load faster, loads slowly, screen reader, landing page, settings screen, language switch,
      cut off, hard to read, hard to see, can t find, can t see the, looks wrong, look like, looks like, looks odd,
      one sheet, comes out as, come out as, shows up, show up, shown in, text message, web tool, class component,
      should be able, be able to, so that users, so people can, should also, instead of, as soon as, when i, when you,
      when people, when somebody clicks, if i tap, if you click, each time i, every time i, back button, night build,
      minus sign, too small, too large, too long for, too slow to load, the way it looks, easy to use, easier to use,
      easier to read, step by step, first time visitors, sign in with, pops up, pop up, by itself, on its own,
      a second line, one click, at a glance, on a phone, on my phone, on the phone, on a watch, wrong page,
      old addresses, road map, line breaks, in the background, date picker, live site, test server, bring online,
      per keyboard, by keyboard, by voice`,
    ),
  },
  actions: {
    ...each(
      1.6,
      `build, implement, code, develop, refactor, rewrite, rename, fix, debug, deploy, redesign, restyle, style,
      integrate, hook, wire, port, scaffold, prototype, render, animate, translate, roll out, release, publish, ship,
      show, display, swap, program, resize, embed`,
    ),
    ...each(1.3, 'let'),
    ...each(
      1.1,
      `add, create, make, change, replace, update, upgrade, bump, put, split, convert, extract, simplify, clean up,
      get rid, hide, introduce, support, enable, allow, offer, expose, connect, install, switch, configure, extend,
      improve, tweak, adjust, write, generate, sort out, solve, repair, validate, print, send, automate, wrap, cover,
      revert, cherry pick, document, finish, comment, shorten, separate, package, bundle, highlight, disable, draft,
      complete, cut, turn, remind, notify`,
    ),
    ...each(1, 'teach, provide, attach, trim, correct, adapt'),
    ...each(0.8, 'use, handle, break'),
    ...each(0.7, 'remove, move, give'),
    ...each(0.6, 'deliver'),
    ...each(0.5, 'prepare'),
  },
  openings: {
    ...each(
      1.6,
      `make the, make our, make it, make them, turn the, turn our, let users, let customers, let people, let guests,
      let visitors, let the, let me, let our, write me, write a script, write a program, write a function, write unit,
      write tests, write the code, center, align`,
    ),
    ...each(
      1.1,
      `catch, round, format, why does the app, why is the page, why does the page, move the button, draw the,
      design a page, design the page, cut the, give it, give the, help users, push the, ask users, ask customers,
      tell users, warn users, play, open the, close the, stop the, stop showing, start the, pause, freeze the, preload,
      cache, log, measure, bring the`,
    ),
    ...each(
      0.7,
      `set up, reduce, the button, the page, the app, our app, our mobile, our website, our site, the website,
      our checkout, the menu, on the, on small, on mobile, in the app, after i, users, customers, visitors, people,
      guests, clicking, customers want, we want, i want, i d like, we d like, we would like, i would like, it should,
      there should, there s a, there is a, nothing happens, whenever, when, every time, our start, the start, the home,
      the logo, the text, the picture, the price, the form, the search, the header, the calendar, the mail,
      the confirmation, the login, the back, sort, group the, explain`,
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
