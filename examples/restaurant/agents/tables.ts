/** A table of the schema: its columns as SQL, its indexes, and the rows that are public. */
export interface Table {
  readonly name: string
  readonly columns: readonly string[]
  /** Each entry is one index: its columns, the most selective first. */
  readonly indexes: readonly string[]
  /** Condition for the rows that everyone may read. Without one, none is public. */
  readonly publicWhere?: string
}

const key = 'id bigint generated always as identity primary key'
const created = 'created_at timestamptz not null default now()'
const ofRestaurant = 'restaurant_id bigint not null references restaurants (id) on delete cascade'

/** Each table comes after the ones it references. */
export const tables: readonly Table[] = [
  {
    name: 'restaurants',
    columns: [key, 'name text not null', 'city text not null', 'opens time not null', 'closes time not null', created],
    indexes: ['city'],
    publicWhere: 'true',
  },
  {
    name: 'menus',
    columns: [
      key,
      ofRestaurant,
      'name text not null',
      "description text not null default ''",
      'price_cents integer not null check (price_cents >= 0)',
      'hidden boolean not null default false',
      created,
    ],
    indexes: ['restaurant_id, hidden', 'lower(name)'],
    publicWhere: 'not hidden',
  },
  {
    name: 'bookings',
    columns: [
      key,
      ofRestaurant,
      'guest text not null',
      'day date not null',
      'hour time not null',
      'party integer not null check (party between 1 and 12)',
      created,
    ],
    indexes: ['restaurant_id, day, hour'],
  },
  {
    name: 'orders',
    columns: [
      key,
      ofRestaurant,
      'booking_id bigint references bookings (id) on delete set null',
      'total_cents integer not null check (total_cents >= 0)',
      "status text not null default 'open' check (status in ('open', 'paid', 'cancelled'))",
      created,
    ],
    indexes: ['restaurant_id, status', 'booking_id'],
  },
  {
    name: 'payments',
    columns: [
      key,
      'order_id bigint not null references orders (id) on delete restrict',
      'amount_cents integer not null check (amount_cents > 0)',
      "card_last4 text not null check (card_last4 ~ '^[0-9]{4}$')",
      created,
    ],
    indexes: ['order_id', 'created_at'],
  },
  {
    name: 'reviews',
    columns: [
      key,
      ofRestaurant,
      'author text not null',
      'stars integer not null check (stars between 1 and 5)',
      'comment text not null',
      created,
    ],
    indexes: ['restaurant_id, created_at'],
    publicWhere: 'true',
  },
]
