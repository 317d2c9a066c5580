import type { UserDirectory, UserFilter, UserPage } from '../users/user-directory.ts'

export type ListUsersPorts = { users: Pick<UserDirectory, 'page'> }

/**
 * A page of the users that match `filter`, by username. An empty value selects nothing, as a form
 * sends it. `after` is the `next` of an earlier page.
 */
export const listUsers = (
  { users }: ListUsersPorts,
  filter: { [Name in keyof UserFilter]?: string | undefined },
  limit: number,
  after: string | undefined
): Promise<UserPage> =>
  users.page(
    Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== '' && value)),
    limit,
    after
  )
