import { pbkdf2Sync } from 'node:crypto'
import django from '../fixtures/django-hashes.json' with { type: 'json' }

/** A password and its hash, as another system stores it. */
export type ForeignHash = {
  from: string
  hash: string
  password: string
  /** What `digestKind` returns when the hash has been imported. */
  kind: string
}

const djangoKinds: Record<string, string> = {
  'PBKDF2PasswordHasher 3.2.25': 'pbkdf2-sha256:260000',
  'PBKDF2PasswordHasher 5.2.17': 'pbkdf2-sha256:1000000',
  'PBKDF2SHA1PasswordHasher 3.2.25': 'pbkdf2-sha1:260000',
  'Argon2PasswordHasher 3.2.25': 'argon2id:m=102400,t=2,p=8',
  'BCryptSHA256PasswordHasher 3.2.25': 'bcrypt-sha256:12',
  'BCryptPasswordHasher 3.2.25': 'bcrypt:12',
  'ScryptPasswordHasher 5.2.17': 'scrypt:ln=14,r=8,p=5'
}

const djangoHashes = django.flatMap(({ version, hashes }) =>
  Object.entries(hashes).flatMap(([hasher, byPassword]) =>
    Object.entries(byPassword).map(([password, hash]) => ({
      from: `${hasher} ${version}`,
      hash,
      password
    }))
  )
)

/** Hashes that can be imported. All but Keycloak's were made by Django or published by others. */
export const foreignHashes: ForeignHash[] = [
  ...djangoHashes.flatMap(entry => {
    const kind = djangoKinds[entry.from]
    return kind === undefined ? [] : [{ ...entry, kind }]
  }),
  {
    // https://github.com/firebase/scrypt, "Sample Password hash parameters"
    from: 'Firebase',
    hash: firebaseHash({
      salt: '42xEC+ixf3L2lw==',
      passwordHash:
        'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=='
    }),
    password: 'user1password',
    kind: 'firescrypt:ln=14,r=8,p=1'
  },
  {
    // The Admin SDK exports base64 for URLs.
    from: 'the Admin SDK of Firebase',
    hash: firebaseHash({
      salt: '42xEC-ixf3L2lw',
      passwordHash:
        'lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ'
    }),
    password: 'user1password',
    kind: 'firescrypt:ln=14,r=8,p=1'
  },
  ...(
    [
      ['sha256', 27_500],
      ['sha512', 210_000]
    ] as const
  ).map(([algorithm, iterations]) => {
    // Pbkdf2PasswordHashProvider derives 512 bits by default, from the salt's 16 bytes.
    const salt = Buffer.from('JiKY+mySp+8z2EBqyMxVXA==', 'base64')
    const password = 'correct horse battery'
    const key = pbkdf2Sync(password, salt, iterations, 64, algorithm)
    return {
      from: `Keycloak with pbkdf2-${algorithm}`,
      hash:
        `$pbkdf2-${algorithm}$i=${iterations},l=64` +
        `$${salt.toString('base64')}$${key.toString('base64')}`,
      password,
      kind: `pbkdf2-${algorithm}:${iterations}`
    }
  }),
  // https://www.openwall.com/crypt, wrapper.c
  ...[
    ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a']
  ].map(([password = '', hash = '']) => ({
    from: 'crypt_blowfish',
    hash,
    password,
    kind: 'bcrypt:5'
  })),
  {
    // https://www.php.net/manual/en/function.password-verify.php
    from: 'PHP',
    hash: '$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq',
    password: 'rasmuslerdorf',
    kind: 'bcrypt:7'
  },
  {
    // RFC 7914 §12
    from: 'RFC 7914',
    hash:
      '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$' +
      'cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw',
    password: 'pleaseletmein',
    kind: 'scrypt:ln=14,r=8,p=1'
  }
]

/** Hashes that are too weak to import. */
export const weakHashes = djangoHashes.filter(({ from }) =>
  /^(Unsalted)?(MD5|SHA1)|^Crypt/.test(from)
)

/** The values that Django stores for users without a password. */
export const unusableHashes = django.map(({ unusable }) => unusable)

/** Firebase's published parameters with the salt and hash of one user. */
function firebaseHash({ salt, passwordHash }: { salt: string; passwordHash: string }) {
  const separator = 'Bw=='
  const signerKey =
    'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=='
  return `$firescrypt$ln=14,r=8,p=1$${salt}$${passwordHash}$${separator}$${signerKey}`
}
