import type { Intent } from 'counterpoint'
import { each, sentences } from './word-lists.js'

/** Databases: schemas, queries, indexes, backups; storing, moving, counting and restoring data. */
export const databaseIntent: Omit<Intent, 'partOf'> = {
  words: {
    ...each(
      2.6,
      `backup, bigquery, boolean, cassandra, clickhouse, collation, database, deadlock, denormalise, denormalize,
      duckdb, dynamodb, elasticsearch, jsonb, mariadb, materialised, materialized, mongo, mongodb, mysql, normalise,
      normalize, oracle, postgis, postgres, postgresql, prisma, query, redis, replica, replication, rollup, schema,
      shard, snowflake, sqlite, subquery, supabase, timescale, upsert, varchar`,
    ),
    ...each(
      1.8,
      `aggregate, archive, bestseller, cardinality, cascade, column, constraint, csv, dataset, db, deduplicate, dump,
      duplicate, entity, etl, excel, failover, index, indices, join, keyspace, lookup, migrate, orphan, partition,
      percentile, purge, record, referential, restore, retention, rollback, row, sheet, snapshot, spreadsheet, sql,
      subtotal, table, transaction, trigger, tuple, vacuum, warehouse, wiped`,
    ),
    ...each(
      1.3,
      `backfill, birthdays, bulk, copies, corrupt, dangling, doubles, entry, enum, float, headcount, identifier,
      integer, ledger, mirrored, occupancy, offsite, payed, populate, ranking, sequence, spellings, standby, statement,
      tally, truncated, turnover, unpaid, utilization, valid from`,
    ),
    ...each(
      1,
      `accidentally, april, attribute, august, autumn, average, belong, billion, blocks, bookkeeping, bought, branches,
      capacity, catalog, catalogue, charset, christmas, cluster, concurrent, connections, consistent, count, data,
      decade, december, decimal, default, deleted, disk, distinct, earned, easter, empty, encoding, exist, fastest,
      february, fetch, field, figure, gap, garbled, gigabyte, grow, grown, growth, hierarchy, historical, history,
      hold, import, inconsistency, inconsistent, integrity, inventory, january, july, june, locking, lost, march,
      measurement, median, merge, million, monthly, nightly, normal, november, null, numbers, october, older, oldest,
      optimise, optimize, ordered, overnight, overwrite, overwritten, overwrote, percent, percentage, persist, pool,
      postal, procedure, property, quarterly, reads, realtime, recover, recovery, relation, relationship,
      rename column, report, retrieve, revenue, sales, searchable, sensor, september, share, since, size, slow, slower,
      sluggish, sold, space, spent, spring, statistic, stock, storage, store, subscribe, subscription, sum, summer,
      supplier, sync, synchronise, synchronize, temperature, terabyte, thousand, timestamp, total, tune, twice, umlaut,
      undo, unique, uuid, view, weekday, weekly, winter, writer, writes, year, zip`,
    ),
    ...each(
      0.8,
      `amount, apart, best, calculate, cancelled, categories, clean, cleanup, complete, compress, concurrency, contents,
      descriptions, dollars, drop, enforce, enter, equal, euros, evaluation, fill, hotel, impossible, income, intact,
      least, loyal, most, nested, often, payment received, profit, quickly, refer, reference, regulars, remains,
      season, spend, stale, survey, swapped, tags, transfer, tree, trend, vanished, visit, waiting, worst`,
    ),
    ...each(
      0.4,
      `address, ago, all, article, between, booking, box, changed, city, client, customer, daily, each, every, export,
      fast, group, hour, invoice, keep, kept, latest, lines, list, load, member, minutes, missing, mixed, model,
      monday, name, newest, old, past, per, point, price, product, region, running, same, save, seconds, time, today,
      tuesday, until, yesterday`,
    ),
  },
  phrases: {
    ...each(
      1.6,
      `a copy, a spare copy, all customers, all members, all night, all orders, all records, at least one, at once,
      at the same time, auto increment, batch insert, belong together, belongs to, best selling, block each other,
      blocks all, bring back, bring over, bulk insert, by category, by city, by customer, by month, by name, by region,
      by year, came back, category tree, change data capture, character set, cheap storage, cold storage,
      come back within, come over, composite key, connection pool, copy of, customer list, data center, data centre,
      data model, data type, dates as text, disk is, disk space, double entries, each customer, each night,
      each other when, event store, every customer, every night, exactly one, execution plan, existing customers,
      existing guests, explain analyze, fifty most, filter by, first and last name, fit together, foreign key,
      four times, from one table, from when to when, full text, get back, get it back, get them back, good key,
      group by, half a minute, half an hour, have not bought, haven t bought, haven t ordered, how big will,
      how far back, how many, how much, in march, in step, in the books, in three years, in total, into one table,
      keep track, kept apart, kept as, kept in, key value, last month, last name, last night s, last quarter,
      last week, last year, leading zero, leaves behind, left behind, list of customers, list of guests, look up,
      made up names, many to many, master data, mixed up, more than a thousand, more than once, more than one,
      most often, must not overlap, never ordered, never since, never used, nightly copy, no email, no longer exist,
      nobody reads, not been here, number range, numbers get lost, of all time, old entries, old system, older than,
      on average, on file, once a night, one table, one to many, open connections, open invoices, order by, our copies,
      our records, out of connections, out of sync, over 500, over night, per customer, per day, per month, per region,
      per store, per week, per weekday, per year, played back, point in time, point to, price list, primary key,
      product list, question marks, ran out of space, read back in, read replica, real time, record who, row level,
      row level security, running number, sales over, same minute, same number, same second, sample data, search by,
      second copy, second server, sells best, separate tables, several addresses, share of, since christmas,
      since last, slow lookup, so far, soft delete, sold best, sorting by, special characters, stored as,
      stored as text, stored procedure, take up, takes ages, takes forever, takes minutes, takes seconds,
      takes too long, test data, the copy, the ten, this year, three times, time series, to the new system, too big,
      top 10, top five, top hundred, top ten, twenty minutes, twice in, two tables, unique key, unpaid invoices,
      wait for each other, where clause, who cancelled, who changed, who paid, who spent, wiped out, without downtime,
      without losing, write ahead, write at once, yesterday s`,
    ),
  },
  actions: {
    ...each(
      1.6,
      `archive, back up, backup, count, deduplicate, import, index, migrate, normalise, normalize, optimise, optimize,
      partition, reindex`,
    ),
    ...each(1.5, 'aggregate, query, replicate, shard, vacuum'),
    ...each(1, 'denormalize, design, list, load, model, purge, restore, seed, store, sync, tune'),
  },
  openings: {
    ...each(
      1.6,
      `add up, export all, export the, how big, how many, how much, list all, list every, list the customers,
      should the, should we, what is the average, what percentage, what share, what was the, where do we keep,
      where should we keep, where should we store, which articles, which branch, which columns, which customers,
      which day, which dishes, which indexes, which members, which month, which orders, which products,
      which suppliers, which tables, which ten, who bought, who ordered`,
    ),
    ...each(
      1.2,
      `adding a new, clean up entries, clear out, each room, every invoice, every order, every product, finding a,
      how far back, how large, note for each, pull out, recover the, remove all, remove double, set all,
      set the currency, show the ten, someone ran, what does the average, which of our suppliers, who are our,
      who cancelled, who paid, who spent, why do two`,
    ),
    ...each(
      1,
      `calculate, choose a, collect, come up with, compare, compute, copy, could we hold, could we keep, could we store,
      delete all, delete everything, delete the old, deleting, draw how, fetch, fill in, find all, find bookings,
      find customers, find duplicates, find every, find orders, find the customers, for each, for every, gather,
      get all, get me, get the, give all, give each, give every, give me, group, i deleted, keep, link, looking up,
      map, merge, move all, move our, move the data, opening a, our records, postal, pull, put all, put the customers,
      put the suppliers, rank, recover, reduce the size, refresh the, reorganise, reorganize, save, schedule,
      searching, several, should, shrink, somebody deleted, someone deleted, sort all, speed up, sum, tell me how many,
      the disk, the import, the list, the nightly, the report, throw away, throw out, tidy up, total, two, undo,
      we accidentally, we are moving, we deleted, we lost, we re moving, what was, what were, which, work out`,
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
