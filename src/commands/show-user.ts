import type { Config } from '../config/config.ts'
import { isLocked, endsOnlyByUnlock, lockoutOf } from '../domain/codes/lockout.ts'
import { explainLogin, loginObstacles } from '../domain/login/login-obstacles.ts'
import { maskPhone } from '../domain/users/mask-phone.ts'
import type { ManagedUser } from '../domain/users/user-directory.ts'
import { toUserView, type UserView } from '../domain/users/user-view.ts'
import type { Run } from './command.ts'
import { noSuchUser } from './fail.ts'
import { phoneObstacle } from './phone-obstacle.ts'
import { formatMinute } from './format-minute.ts'

/**
 * Shows everything that is known about a user. The last line says whether they can log in and, if
 * they can't, why and until when. With `json`, one JSON object with the phone number in full.
 */
export const showUser =
  (username: string, config: Config, { json }: { json: boolean }): Run =>
  async ({ users }) => {
    const { policy } = config
    const now = new Date()
    const ref = { username }
    const user = (await users.find(ref)) ?? noSuchUser(username)
    const sessions = (await users.sessions(ref, now))?.length ?? 0
    const phoneError = user.phone === null ? undefined : phoneObstacle(user.phone, config, now)
    const obstacles = loginObstacles(user, phoneError, policy.limits, now)
    const view = toUserView(user, now)
    const lockouts = lockoutsOf(user, policy.limits.codeFailures, now)
    if (json)
      return JSON.stringify({
        ...view,
        passwordKind: user.passwordKind,
        sessions,
        lockouts,
        canLogIn: obstacles.length === 0,
        obstacles
      })
    const rows = [...rowsOf(view, user.passwordKind, sessions), ...lockouts.map(toRow)]
    return [
      ...rows.map(([name, value]) => `${name.padEnd(22)}${value}`),
      '',
      explainLogin(user.username, obstacles)
    ].join('\n')
  }

type Lockout = { of: string; failures: number; locked: boolean; until: Date | null }

const lockoutsOf = (user: ManagedUser, limit: number, now: Date): Lockout[] =>
  (['login', 'confirmation', 'phone-change'] as const).map(kind => {
    const state = lockoutOf(user, kind)
    const locked = isLocked(state, limit, now)
    return {
      of: kind,
      failures: state.codeFailures,
      locked,
      until: locked && !endsOnlyByUnlock(state) ? state.codeLockedUntil : null
    }
  })

const lockoutNames: Record<string, string> = {
  login: 'login codes',
  confirmation: 'confirmation codes',
  'phone-change': 'phone-change codes'
}

function toRow({ of, failures, locked, until }: Lockout): [string, string] {
  const end = until === null ? 'until an operator unlocks them' : `until ${formatMinute(until)}`
  const state = locked ? `, locked ${end}` : ''
  return [lockoutNames[of] ?? of, `${failures} wrong in a row${state}`]
}

function rowsOf(user: UserView, passwordKind: string, sessions: number): [string, string][] {
  const { sms, totp, recoveryCodes } = user.factors
  const factors = [
    ...(sms ? ['SMS'] : []),
    ...(totp ? ['authenticator app'] : []),
    ...(recoveryCodes > 0 ? [`${recoveryCodes} recovery codes`] : [])
  ]
  return [
    ['id (sub)', user.id],
    ['username', user.username],
    ['phone', user.phone === null ? 'none' : maskPhone(user.phone)],
    ['language', user.locale ?? 'as the app requests'],
    ['state', user.disabled ? 'disabled' : 'enabled'],
    ['password hash', passwordKind],
    ['claims', JSON.stringify(user.claims)],
    ['factors', factors.join(', ') || 'none'],
    ['sessions', String(sessions)],
    ['created', formatMinute(user.createdAt)],
    ['last login', formatTime(user.lastLoginAt)],
    ['phone changed', formatTime(user.phoneChangedAt)]
  ]
}

const formatTime = (time: Date | null) => (time === null ? 'never' : formatMinute(time))
