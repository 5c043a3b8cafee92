/** The restaurant of the sample plan. */
export const restaurant = { id: 1, name: 'Delhi Palace', city: 'Prague', opens: '11:30', closes: '22:30' } as const

/** A dish. Hidden dishes are for the staff and must not be visible to guests. */
export interface Dish {
  readonly id: number
  readonly name: string
  readonly description: string
  readonly priceCents: number
  readonly hidden: boolean
}

/** All dishes, in the order of the menu. */
export const dishes: readonly Dish[] = [
  dish(1, 'Samosa', 'Crisp pastry with potatoes, peas and cumin', 590),
  dish(2, 'Dal Makhani', 'Black lentils, simmered overnight', 1190),
  dish(3, 'Palak Paneer', 'Spinach with fresh cheese', 1290),
  dish(4, 'Butter Chicken', 'Tandoori chicken in a tomato and butter sauce', 1490),
  dish(5, 'Lamb Biryani', 'Basmati rice, saffron, slow lamb', 1690),
  dish(6, 'Gulab Jamun', 'Milk dumplings in rose syrup', 550),
  dish(7, 'Staff Curry', 'What the staff eats after closing time', 0, true),
  dish(8, 'Wedding Banquet', 'Offer for a private party, price not public', 480_000, true),
]

function dish(id: number, name: string, description: string, priceCents: number, hidden = false): Dish {
  return { id, name, description, priceCents, hidden }
}
