import { each, type Intent, sentences } from './intent.js'

/** Databases: schemas, queries, indexes, backups; data that is kept, moved, counted or lost. */
export const databaseIntent: Omit<Intent, 'partOf'> = {
  words: {
    ...each(
      2.6,
      `database, databases, postgres, postgresql, mysql, mariadb, sqlite, supabase, mongodb, mongo, redis, dynamodb,
      cassandra, oracle, elasticsearch, clickhouse, bigquery, snowflake, duckdb, prisma, schema, query, queries,
      backup, backups, deadlock, materialized, materialised, collation, denormalize, denormalise, normalize, normalise,
      shard, sharding, replica, replication, postgis, timescale, subquery, varchar, jsonb, boolean, booleans, upsert,
      rollup`,
    ),
    ...each(
      1.8,
      `sql, db, table, row, column, record, index, indexes, indices, partition, transaction, restore, migrate,
      migration, constraint, join, dataset, etl, snapshot, dump, archive, archived, retention, purge, duplicate,
      duplicates, deduplicate, aggregate, entity, entities, cardinality, tuple, trigger, cascade, orphan, orphaned,
      rollback, failover, vacuum, lookup, csv, spreadsheet, excel, warehouse, sheet, wiped, keyspace, referential,
      subtotal, percentile, denormalized, bestseller`,
    ),
    ...each(
      1.3,
      `ledger, turnover, statement, statements, entry, entries, copies, tally, headcount, ranking, occupancy,
      utilization, sequence, identifier, dangling, standby, mirrored, offsite, backfill, populate, bulk, enum, integer,
      float, corrupt, corrupted, truncated, doubles, birthdays, payed, unpaid, spellings, valid from`,
    ),
    ...each(
      1,
      `data, storage, stored, store, persist, disk, import, unique, null, total, totals, sum, average, count, median,
      figure, figures, statistic, statistics, report, revenue, sales, monthly, quarterly, weekly, nightly, recover,
      recovery, lost, overwritten, overwrite, overwrote, sluggish, slow, slower, garbled, umlaut, encoding, charset,
      consistent, inconsistent, inconsistency, integrity, relation, relationship, hierarchy, field, empty, default,
      million, billion, thousand, gigabyte, terabyte, realtime, subscription, subscriptions, subscribe, sync,
      synchronize, synchronise, view, procedure, uuid, timestamp, history, historical, older, oldest, catalog,
      catalogue, inventory, stock, bookkeeping, retrieve, fetch, distinct, twice, doubled, merge, merged, capacity,
      growth, grow, grown, concurrent, cluster, accidentally, undo, deleted, optimize, optimise, tuning, tune, share,
      percent, percentage, gaps, gap, decimal, decimals, writer, writers, writes, reads, postal, zip, existing,
      searchable, overnight, weekday, branches, supplier, suppliers, sensor, sensors, reading, readings, measurement,
      measurements, temperature, temperatures, hold, fastest, sold, bought, spent, earned, ordered, since, belong,
      belongs, exist, exists, attribute, property, locking, blocks, rename column, december, january, february, march,
      april, june, july, august, september, october, november, spring, summer, autumn, winter, christmas, easter,
      decade, year, years, connections, pool, numbers, space, size, normal`,
    ),
    ...each(
      0.8,
      `yearly, copy, loyal, regulars, spend, spends, income, profit, visits, visit, cancelled, trend, season, spelled,
      swapped, refer, reference, enforce, concurrency, compress, compressed, stale, survey, intact, vanished, contents,
      apart, nested, tree, tags, categories, least, most, often, best, worst, waiting, impossible, calculate, fill,
      filled, clean, cleanup, transfer, amount, amounts, descriptions, euros, dollars, payment received, hotels, hotel,
      drop, equal, complete, entered, enter, evaluation, remains, quickly`,
    ),
    ...each(
      0.4,
      `customer, member, order, orders, booking, bookings, month, week, quarter, name, names, address, addresses,
      number, list, save, saved, keep, kept, night, category, price, prices, same, between, per, region, city, product,
      products, invoice, invoices, delete, old, export, group, missing, latest, newest, load, quick, fast, hour,
      minutes, seconds, all, lines, article, articles, every, box, each, double, mixed, running, point, changed, past,
      ago, until, today, yesterday, tuesday, monday, daily, time, model, client, clients`,
    ),
  },
  phrases: {
    ...each(
      1.6,
      `foreign key, primary key, unique key, composite key, good key, how many, how much, how big will, older than,
      last month, last year, last week, last quarter, last night s, yesterday s, this year, per month, per year,
      per day, per customer, per store, per region, per week, per weekday, top ten, top 10, top five, top hundred,
      character set, full text, stored procedure, connection pool, open connections, out of connections, real time,
      point in time, soft delete, sample data, test data, data centre, data center, every night, each night,
      once a night, all night, over night, more than once, twice in, four times, three times, at the same time,
      at once, same minute, same second, takes minutes, takes seconds, takes forever, takes ages, takes too long,
      twenty minutes, half a minute, half an hour, slow lookup, bring back, get back, get them back, get it back,
      ran out of space, disk space, disk is, too big, take up, time series, many to many, one to many, data model,
      data type, bulk insert, batch insert, group by, order by, row level security, row level, write ahead,
      execution plan, explain analyze, old system, to the new system, without losing, without downtime, master data,
      price list, customer list, product list, list of guests, list of customers, out of sync, our records,
      all records, all customers, all orders, each customer, every customer, all members, in march, never since,
      never ordered, never used, read replica, change data capture, event store, key value, look up, looked up,
      looking up, searching by, search by, filtering by, sorting by, filter by, no longer exist, no longer exists,
      belong together, belongs to, point to, points to, first and last name, last name, running number,
      existing customers, existing guests, second copy, nightly copy, copy of, come over, bring over, brings over,
      sales over, left behind, leaves behind, wiped out, best selling, sold best, sells best, came back,
      come back within, share of, so far, of all time, in total, on average, blocks all, write at once,
      numbers get lost, from one table, into one table, separate tables, one table, two tables, stored as, kept as,
      kept in, keep track, record who, who changed, not been here, haven t bought, have not bought, haven t ordered,
      since christmas, in three years, by city, by month, by year, by customer, by region, by category, by name,
      question marks, special characters, leading zero, number range, auto increment, category tree, second server,
      cheap storage, cold storage, old entries, dates as text, stored as text, where clause, exactly one, at least one,
      must not overlap, same number, no email, on file, in the books, more than one, more than a thousand, over 500,
      open invoices, unpaid invoices, double entries, mixed up, in step, kept apart, how far back, nobody reads,
      our copies, the copy, a copy, played back, read back in, a spare copy, from when to when, each other when,
      block each other, wait for each other, who spent, who paid, who cancelled, made up names, fifty most, the ten,
      most often, since last, fit together, several addresses`,
    ),
  },
  actions: {
    ...each(
      1.6,
      `count, migrate, back up, backup, archive, index, partition, import, normalize, normalise, deduplicate, optimize,
      optimise, reindex`,
    ),
    ...each(1.5, 'replicate, shard, aggregate, query, vacuum'),
    ...each(1, 'restore, list, tune, store, design, model, purge, load, sync, seed, denormalize'),
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
      1.2,
      `who spent, who paid, who cancelled, who are our, how far back, what does the average, how large, someone ran,
      set all, set the currency, each room, every order, every product, every invoice, adding a new, finding a,
      remove all, remove double, recover the, pull out, note for each, show the ten, which of our suppliers,
      why do two, clear out, clean up entries`,
    ),
    ...each(
      1,
      `which, sum, total, fill in, merge, speed up, pull, keep, save, come up with, move all, move the data, move our,
      copy, collect, gather, calculate, compute, work out, give me, get me, get all, fetch, find all, find every,
      find customers, find orders, find the customers, find bookings, find duplicates, should, what was, what were,
      compare, group, link, map, reorganize, reorganise, schedule, rank, reduce the size, shrink, tidy up, undo,
      recover, delete all, delete the old, delete everything, throw out, throw away, looking up, searching, opening a,
      the disk, the report, the reports, the import, the nightly, the list, our records, could we hold, could we store,
      could we keep, we re moving, we are moving, choose a, draw how, tell me how many, sort all, get the, put all,
      put the suppliers, put the customers, for each, for every, give each, give every, give all, refresh the, several,
      two, postal, deleting, someone deleted, somebody deleted, we accidentally, we lost, we deleted, i deleted`,
    ),
  },
  examples: sentences(`
    Which ten articles brought in the most money this spring?
    Bring back the state of last Monday, the import has mixed up all addresses
    Searching for a customer by name takes ages since the list has grown
    Every invoice needs to belong to exactly one client
    Work out how we should keep the opening times of all branches
    Merge the two lists of suppliers and remove those that are in both
    Phone numbers are kept in five formats, bring them into one
    What was the average basket in each region last year? | Keep a history of every price change
    The nightly report locks everything for an hour | Load the figures of the old branch into our system
    How much space will the readings of ten thousand sensors need? | Throw away log entries from before last summer
    Give each parcel a number that never occurs twice | The same client stands in our books three times
    Push changed rows to the listening clients at once | Which dishes sold best in autumn?
    The list of guests has the same person four times | We need last night's copy back, someone wiped the bookings
    Opening a customer's history takes half a minute | Where should we keep the temperatures of a thousand fridges?
    Put the suppliers from this sheet into our system | Give every invoice a running number without gaps
    Add up what each waiter earned in tips | Could we hold menus as JSON or as separate tables?
    The old till system closes in June, bring its sales over | Deleting a customer leaves their bookings behind
    Throw out visits older than two years | Postal codes lost their leading zero, repair the stored ones
    Draw how guests, tables and bookings belong together
    Two bookings ended up for one table at the same minute, stop that at the storage level
    We're moving from MySQL to Postgres | Is last week's nightly copy usable? | The statistics run blocks all writers
    Refresh the numbers for the board every hour | What share of customers come back within a month?
    Keep a second copy in another city
    Who changed the price of the soup and when? We want to record that from now on
    Split full names into first and last name for all existing guests | The server runs out of connections at noon
    Tell the kitchen display at once when an order row changes
    Find bookings that point to guests who no longer exist | Make searching by phone number quick
    Our records of allergies must be searchable by any word | How big will our data be in three years?
    Write a report of no-shows per weekday | Turn the yes/no texts in that column into real booleans
    Which tables grow fastest? | Load last year's receipts into the warehouse
    Prices should be kept with two decimals and never negative
    Get me all guests who have not been here since Christmas
    Tune the server so the monthly closing no longer takes all night | Restore Monday's state on the test machine
    Choose a good key for the order lines | Several branches write at once and numbers get lost
    Create an index for the search by city | Who are our fifty most loyal guests?
    The product list has grown so long that opening it takes ages
    Make sure that an order can't exist without a buyer | Last Friday's sales vanished, can you dig them out again?
    Should photos live in the tables or as files? | Combine both address books into one and keep the newer entry
    We want to know the average stay per season | Save every change of a contract so that we can look back
    Plan how to store opening times that differ by season
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
    We want to keep the exact price that was valid on the day of the order
    How should tags and articles be connected? | Get the old newsletter list into the new system
    What was our best week ever? | Make a nightly copy on a machine in another town | Clean up entries without a name
    The same street is written in six ways in our records | Store the answers of our survey
    Why does saving an order block all other tills? | List products that were never sold | Rebuild the broken index
    Our table of log lines has a billion entries, what to do? | Give me the sum of all refunds in July
    Add a column for the second phone number | Change the type of the price from float to decimal
    Connect each payment to its invoice | Keep the branch data in step with headquarters
    How long do we have to keep invoices, and how do we remove the rest?
    Set up a test copy with half of the customers | Export the member list as CSV
    After switching to summer time an hour of readings is there twice | Which queries put the most load on the server?
    We need a place for sensor values, a thousand a second | Make customer numbers start at 10000
    Reorganise the tables so that nothing is written twice | Two users changed the same entry, whose change wins?
    Move five years of mails into cheap storage | Compare this month's income with the same month last year
    Create sample records for the training system | Let the reports run on the second server
    Find parents that have no children any more in the category tree
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
    Fill the new postcode column from the old address lines | How many parcels did we send to Austria in May?
    The list of members contains people who died years ago, clean it
    Where can we put a million photos' descriptions so that they're found quickly?
    Recover the booking that vanished at noon | Each room has to have a unique number within its hotel
    Pull out all customers with unpaid invoices | Adding a new article takes longer every week
    Note for each price from when to when it was valid | Transfer our card index boxes into tables
    Compare stock in the books with what was sold | The accounting file won't go in because of strange characters
    Split the giant events table by year | Who spent more than a thousand euros last year?
    We want a spare copy in case the office floods | What breaks in the records if we remove this product group?
    Keep the two branch systems equal at all times | Prepare the tables for customers with several addresses
    Calculate the average waiting time per doctor | The disk is filling up with old sessions
    Remove double spaces from all customer names | Is MongoDB or Postgres the better home for our orders?
    Why do two cashiers block each other when they save? | Store opening hours with exceptions for holidays
    Give me the birthdays of all members in October | Check that the copy from Sunday is complete and can be loaded`),
}
