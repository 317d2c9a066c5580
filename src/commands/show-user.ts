import { countryOf } from '../adapters/sms/libphonenumber-phones.ts'
import type { Config } from '../config/config.ts'
import { limitObstacles, limitsOfUser, type LimitsOfUser } from '../domain/admin/limits-of-user.ts'
import { lastCodes, type LastCode } from '../domain/codes/last-code.ts'
import { isLocked, endsOnlyByUnlock, lockoutOf } from '../domain/codes/lockout.ts'
import {
  canLogIn,
  explainLogin,
  formatEnd,
  loginObstacles,
  type LoginObstacle
} from '../domain/login/login-obstacles.ts'
import type { LockoutKind } from '../domain/codes/purpose.ts'
import { maskPhone } from '../domain/users/mask-phone.ts'
import type { ManagedUser } from '../domain/users/user-directory.ts'
import { toUserView, type UserView } from '../domain/users/user-view.ts'
import type { Run } from './command.ts'
import { noSuchUser } from './fail.ts'
import { formatCode, whyNotDelivered } from './format-code.ts'
import { formatLimit, withVariable } from './format-limit.ts'
import { formatMinute } from './format-minute.ts'
import { lockoutNames } from './lockout-names.ts'
import { phoneObstacle } from './phone-obstacle.ts'
import { serverSecrets } from './server-secrets.ts'

/**
 * Shows everything that is known about a user. The last line says whether they can log in and, if
 * they can't, why and until when. With `json`, one JSON object with the phone number in full.
 * Without the server's secret it says that rate limits are unknown.
 */
export const showUser =
  (username: string, config: Config, { json }: { json: boolean }): Run =>
  async ports => {
    const { users, clock } = ports
    const now = clock()
    const ref = { username }
    const user = (await users.find(ref)) ?? noSuchUser(username)
    const { policy } = config
    const sessions = (await users.sessions(ref, now))?.length ?? 0
    const phoneError = user.phone === null ? undefined : phoneObstacle(user.phone, config, now)
    const limits = await findLimits(ports, config, user, now)
    // A test number gets no messages, so what refuses messages does not concern it.
    const isTest = user.phone !== null && policy.testNumbers.has(user.phone)
    const obstacles = [
      ...loginObstacles(user, phoneError, policy.limits, now),
      ...(await pauseOf(ports, config, user, now)),
      ...(limits === null ? [] : limitObstacles(limits))
    ].filter(({ refuses }) => !isTest || refuses !== 'messages')
    const codes = lastCodes(await users.codes(ref), policy, now)
    const lastLogin = codes.find(({ of }) => of === 'login')
    const hasOpenCode = lastLogin?.state === 'open' && lastLogin.delivery !== 'failed'
    const view = toUserView(user, now)
    const lockouts = lockoutsOf(user, policy.limits.codeFailures, now)
    if (json)
      return JSON.stringify({
        ...view,
        passwordKind: user.passwordKind,
        sessions,
        lockouts,
        undeliverable: limits?.marks ?? null,
        exhaustedLimits: limits?.exhausted.map(withVariable) ?? null,
        lastCodes: codes,
        canLogIn: canLogIn(obstacles, hasOpenCode),
        obstacles
      })
    const rows = [
      ...rowsOf(view, user.passwordKind, sessions),
      ...(user.phone === null ? [] : receptionRows(limits, phoneError, isTest)),
      ...lockouts.map(toRow),
      ...codeRows(codes),
      ...limitRows(limits)
    ]
    const login = explainLogin(
      user.username,
      obstacles,
      hasOpenCode ? lastLogin.codeExpiresAt : null
    )
    const missing = limits === null ? ' Rate limits are unknown without SECRET.' : ''
    const failure = lastLogin === undefined ? undefined : whyNotDelivered(lastLogin)
    const lost = failure === undefined ? '' : ` The last code did not arrive: ${failure}.`
    return [
      ...rows.map(([name, value]) => `${name.padEnd(22)}${value}`),
      '',
      `${login}${lost}${missing}`
    ].join('\n')
  }

type Ports = Parameters<Run>[0]

/** Null without the server's secret. */
async function findLimits(
  { rateLimitsUnder }: Ports,
  config: Config,
  user: ManagedUser,
  now: Date
): Promise<LimitsOfUser | null> {
  const rateLimits = serverSecrets(config).map(rateLimitsUnder)
  if (rateLimits.length === 0) return null
  const country = user.phone === null ? null : countryOf(user.phone)
  return limitsOfUser({ rateLimits, limits: config.policy.limits }, { ...user, country }, now)
}

/** The pause of messages to the user's country, if there is one. */
async function pauseOf(
  { countryCounts }: Ports,
  { policy }: Config,
  { phone }: ManagedUser,
  now: Date
): Promise<LoginObstacle[]> {
  if (phone === null || policy.conversion.floor === 0) return []
  const country = countryOf(phone)
  const until = (await countryCounts.find(country, now))?.pausedUntil ?? null
  const reason = `messages to ${country} are paused (sms.country-paused)`
  return until === null ? [] : [{ reason, until, refuses: 'messages' }]
}

/** Whether the number can receive messages, as far as it is known. */
function receptionRows(
  limits: LimitsOfUser | null,
  phoneError: string | undefined,
  isTest: boolean
): [string, string][] {
  const name = 'messages to it'
  if (isTest) return [[name, 'none, because it is a test number']]
  if (phoneError !== undefined) return [[name, `refused: ${phoneError}`]]
  if (limits === null) return []
  if (limits.marks.length === 0) return [[name, 'possible']]
  return limits.marks.map(({ reason, markedAt, until }) => {
    const times = `since ${formatMinute(markedAt)}, next try after ${formatEnd(until)}`
    return [name, `undeliverable (${reason}) ${times}`]
  })
}

const codeRows = (codes: readonly LastCode[]): [string, string][] =>
  codes.length === 0
    ? [['last code', 'none']]
    : codes.map(code => [`last ${code.of} code`, formatCode(code)])

const limitRows = (limits: LimitsOfUser | null): [string, string][] => {
  if (limits === null)
    return [['exhausted limits', "unknown: SECRET must be set to the server's to find them"]]
  if (limits.exhausted.length === 0) return [['exhausted limits', 'none']]
  return limits.exhausted.map(limit => [`limit of ${ownerOf(limit)}`, formatLimit(limit)])
}

const ownerOf = ({ of }: LimitsOfUser['exhausted'][number]) =>
  of === 'username and network' ? 'one network' : of

type Lockout = { of: LockoutKind; failures: number; locked: boolean; until: Date | null }

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

function toRow({ of, failures, locked, until }: Lockout): [string, string] {
  const end = until === null ? 'until an operator unlocks them' : `until ${formatMinute(until)}`
  const state = locked ? `, locked ${end}` : ''
  return [lockoutNames[of], `${failures} wrong in a row${state}`]
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
