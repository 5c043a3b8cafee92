const sentences = (text: string): readonly string[] => text.split(/[|\n]/).map(one => one.trim())

/** Requests for code: what people write when they want something built, changed or repaired. */
export const codegenExamples: readonly string[] = sentences(`Add a language switcher to the top of every page
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
  Teach the search box to forgive typing mistakes | Reduce the size of our JavaScript | Support right-to-left writing
  Make the robot arm stop when a door opens | Clean the warnings that the compiler prints
  Add gift wrapping as an option when people order | The star rating shows four and a half as four
  Let users rearrange their photos | Please translate the error texts into Spanish
  I can't scroll to the end of the menu on my old Samsung | Create a tiny service that shortens links
  Port the iOS widget to Android | Bring last week's fix to the live site | Write a tutorial for our API
  The opening animation is too long, trim it | Use our corporate colors in the PDF invoices
  When I press enter the form should be sent | Split the user module in two | Offer the schedule as an RSS feed
  Our deploy script stops halfway | Hide sold-out items from the front page
  Let guests order from the table with their phone | Give admins a screen to edit the FAQ
  Move the date handling into one place | Show how many seats are left while booking
  The app freezes as soon as a call comes in | Implement automatic saving of drafts
  Send a push message when the laundry is done | Cover the invoice module with tests | Attach the receipt to the mail
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
  Write an adapter for the new payment provider | Show prices with tax for private customers and without for companies
  Give the timer a snooze button | Upgrade to the new router and adapt the imports
  Build me a page with a countdown for the opening party | The address form rejects Irish postcodes
  Speed up the first paint of the start page | Make error messages sound less like a robot
  Connect the scale on the counter with the till app | Add Polish to the language menu
  Our job that sends reminders dies after ten minutes | Let the kitchen tick off dishes on a screen`)

/** Requests for security: what people write when they fear something, or want to know who may do what. */
export const securityExamples: readonly string[] =
  sentences(`Could a guest read the orders of somebody else by changing the number in the address?
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
  Check that our cookies cannot be read by foreign scripts | Could our cleaning staff get at the server room screens?
  Review who is able to approve payouts | Does our chat widget hand data over to companies outside Europe?
  I clicked a strange link yesterday, is my machine infected?
  Find every spot where HTML from outside ends up unescaped on a page
  Is two-step sign-in switched on for all managers? | What would happen if someone copied our session cookie?
  Check our open ports | Are we allowed to keep copies of passports?
  Try to log in with the default password on every device | Could a rival read our unpublished prices through the API?
  Do uploaded files get checked for viruses? | Which employees still have the master password?
  Run through the OWASP top ten for the payment page | Did anybody get into the system last night?
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
  Check if an order can be paid with a negative amount | Somebody pretends to be our boss in mails to the bookkeeping
  Is the door lock app easy to fool? | Run a vulnerability scan on the web server
  What information could a thief get from a stolen tablet? | Go over the new release and look for holes
  Are there test accounts left on the live system? | Does the password reset give away which addresses exist?
  Find out how the attackers got in last week | Do our suppliers' programs have more rights than needed?
  Look at the upload of pictures, could a program hide in one?
  Is our shop ready for the new EU rules about customer data? | Could a guest on our wifi see the till?
  List everyone who can approve a payment | See if the discount codes can be guessed
  Are our backups stored where a blackmailer can't reach them? | Test how the login behaves under thousands of tries
  Would it be noticed if someone changed an invoice afterwards?
  Can people see more than their own orders by playing with the link?
  Write down what could go wrong if our signing key leaked | Are cameras in the shop recording things they shouldn't?
  Check that deleted accounts are really gone, as the law wants | Does the support team need to see bank details?
  How do we know that an update really comes from us? | Is the old version of the framework a danger?
  Could the chatbot be talked into giving a discount? | Someone found our test server with a search engine
  Verify the webhook is really sent by the payment company | Can the app be made to run commands through a file name?
  Review the roles in the back office | Do we log who looked at which patient?
  I got a warning that our certificate runs out, what is affected?
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
  Are there loopholes in our returns process that swindlers use?`)

/** Requests for data: what people write when they want it kept, found, counted, moved or brought back. */
export const databaseExamples: readonly string[] = sentences(`Which ten articles brought in the most money this spring?
  Bring back the state of last Monday, the import has mixed up all addresses
  Searching for a customer by name takes ages since the list has grown
  Every invoice needs to belong to exactly one client | Work out how we should keep the opening times of all branches
  Merge the two lists of suppliers and remove those that are in both
  Phone numbers are kept in five formats, bring them into one | What was the average basket in each region last year?
  Keep a history of every price change | The nightly report locks everything for an hour
  Load the figures of the old branch into our system | How much space will the readings of ten thousand sensors need?
  Throw away log entries from before last summer | Give each parcel a number that never occurs twice
  The same client stands in our books three times | Push changed rows to the listening clients at once
  Which dishes sold best in autumn? | The list of guests has the same person four times
  We need last night's copy back, someone wiped the bookings | Opening a customer's history takes half a minute
  Where should we keep the temperatures of a thousand fridges? | Put the suppliers from this sheet into our system
  Give every invoice a running number without gaps | Add up what each waiter earned in tips
  Could we hold menus as JSON or as separate tables? | The old till system closes in June, bring its sales over
  Deleting a customer leaves their bookings behind | Throw out visits older than two years
  Postal codes lost their leading zero, repair the stored ones | Draw how guests, tables and bookings belong together
  Two bookings ended up for one table at the same minute, stop that at the storage level
  We're moving from MySQL to Postgres | Is last week's nightly copy usable? | The statistics run blocks all writers
  Refresh the numbers for the board every hour | What share of customers come back within a month?
  Keep a second copy in another city | Who changed the price of the soup and when? We want to record that from now on
  Split full names into first and last name for all existing guests | The server runs out of connections at noon
  Tell the kitchen display at once when an order row changes | Find bookings that point to guests who no longer exist
  Make searching by phone number quick | Our records of allergies must be searchable by any word
  How big will our data be in three years? | Write a report of no-shows per weekday
  Turn the yes/no texts in that column into real booleans | Which tables grow fastest?
  Load last year's receipts into the warehouse | Prices should be kept with two decimals and never negative
  Get me all guests who have not been here since Christmas
  Tune the server so the monthly closing no longer takes all night | Restore Monday's state on the test machine
  Choose a good key for the order lines | Several branches write at once and numbers get lost
  Create an index for the search by city | Who are our fifty most loyal guests?
  The product list has grown so long that opening it takes ages | Make sure that an order can't exist without a buyer
  Last Friday's sales vanished, can you dig them out again? | Should photos live in the tables or as files?
  Combine both address books into one and keep the newer entry | We want to know the average stay per season
  Save every change of a contract so that we can look back | Plan how to store opening times that differ by season
  Copy the production records to the test system with made-up names
  The stock count is wrong after two sales at the same moment
  Change all prices from dollars to euros in the stored articles | Find doubles among our suppliers
  What happens to the invoices when a client is removed? | Our yearly evaluation query never finishes
  Rename the column plz to postcode everywhere in the tables
  Is there enough room on the disk for another year of bookings? | Prepare the move from Access to something modern
  Show me how many bookings came in per hour last Saturday | Add an index so that searching by last name is quick
  Push new orders to the kitchen screen live from the tables | Keep the data of each branch apart
  Write a query for open invoices over 500 euros | Dates were stored as text, turn them into proper dates
  A power cut hit the server, are the records still intact? | Which customers have no email on file?
  Keep a reserve server with the same contents ready | Set up daily dumps and test that they can be read back
  Load 2 million addresses from this file | Can we drop the tables nobody reads any more?
  How should we model a recipe that contains other recipes?
  Two processes wait for each other and nothing moves, find out which statements do that
  List the cities with more than a hundred members | Someone ran an update without a where clause, what now?
  How far back do our copies go? | Empty the log tables once a week
  Give every guest a number that stays the same for ever | Reading is fine but writing new rows has become very slow
  Work out last year's turnover by branch and month | Translate this Excel file into tables that fit together
  Which menu item is ordered least? | The customer table has three columns for the phone number, tidy that up
  Every evening at eight everything becomes slow, which statement is to blame?
  Give us yesterday's state of the price list | Store the measured values of the scales so that we can draw trends
  We have guests with a birthday in the year 1900, clean that up | Count visits per weekday for the last two years
  Bring the data of the Berlin shop and the Hamburg shop together | Make room, the log records eat up all the space
  A booking must not overlap with another one for the same room, enforce it | Move attachments out of the main table
  How many members have paid by direct debit? | Plan the tables for a loyalty programme
  Get rid of orders that were never finished | Before the update take a copy of everything
  After the crash some orders are there without their items
  Find customers that were entered more than once under different spellings
  Import the holiday calendar of all states | Show turnover by product group
  Our reports should not slow down the tills, put them on a copy | Keep old versions of a document retrievable
  The list of streets takes five seconds, can it be quicker? | Set the currency to EUR wherever it is missing
  What kind of storage suits chat messages of ten million people?
  Prevent that two employees get the same staff number | Export all bookings from May for the tax adviser
  Which columns are never filled? | Switch to a newer version of Postgres
  Test whether our copies can really be played back | Let the warehouse numbers reach the shop within a second
  Draw up an entity diagram for the clinic | Customers in two countries: spread their records over two servers
  Is it better to keep tags in a list or in their own table? | Someone emptied the price table by mistake
  Write a statement that raises all prices by three percent | Look up which orders lack a shipping address
  Undo the changes of this morning | Add a created-at date to all records
  How many reads per second can our setup take? | Cache tables for the monthly totals
  Which clients have been with us for more than ten years? | Searching the archive is painfully slow
  A colleague deleted the wrong customer, bring her back
  Every product needs at least one category, make the tables enforce that
  We want to keep the exact price that was valid on the day of the order | How should tags and articles be connected?
  Get the old newsletter list into the new system | What was our best week ever?
  Make a nightly copy on a machine in another town | Clean up entries without a name
  The same street is written in six ways in our records | Store the answers of our survey
  Why does saving an order block all other tills? | List products that were never sold | Rebuild the broken index
  Our table of log lines has a billion entries, what to do? | Give me the sum of all refunds in July
  Add a column for the second phone number | Change the type of the price from float to decimal
  Connect each payment to its invoice | Keep the branch data in step with headquarters
  How long do we have to keep invoices, and how do we remove the rest? | Set up a test copy with half of the customers
  Export the member list as CSV | After switching to summer time an hour of readings is there twice
  Which queries put the most load on the server? | We need a place for sensor values, a thousand a second
  Make customer numbers start at 10000 | Reorganise the tables so that nothing is written twice
  Two users changed the same entry, whose change wins? | Move five years of mails into cheap storage
  Compare this month's income with the same month last year | Create sample records for the training system
  Let the reports run on the second server | Find parents that have no children any more in the category tree
  All special characters have become question marks
  How much would a managed Postgres for our amount of records cost?
  The restore stopped in the middle, what do we have now? | Fetch the ten latest bookings of each hotel quickly
  Put limits on what can be entered as an age | How many guests cancelled last winter?
  Finding a booking by its code takes ten seconds | Bring back the prices we had before the weekend
  Which of our suppliers delivered late most often? | Make it impossible to enter the same passport number twice
  Where does all the disk space go? | Sketch the tables for a car rental
  Clear out visitors that have not come for five years
  The import put first names into the last name column, repair that
  Copy everything to the new server without a pause in service | Set all missing birthdays to empty instead of 1970
  Show the ten slowest statements | Should opening hours be a table of their own?
  The totals on the report differ from the sum of the invoices
  Keep invoices for ten years and delete the rest each January | Every change of a price must be kept with its date
  Is a document store better for our product descriptions? | Get a list of all addresses in Bavaria
  Sessions fill up the storage, drop those older than a day | Reports and bookings get in each other's way at noon
  Give each branch its own number range | Take the customers of the firm we bought into our system
  What does the average guest spend per visit? | One order has lost its lines, how can we prevent that?
  Search product descriptions by several words at once, quickly | The nightly copy did not run yesterday
  Tell subscribers immediately when a stock value changes
  Change the customer number from text to a number in all tables | How large will the history get?
  Fill the new postcode column from the old address lines`)
