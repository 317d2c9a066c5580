// Stands in for packages that only unused commands of Prisma, tap and tshy need. `overrides` in
// package.json lists them. Loading this file is harmless, because their callers load it at startup.

const omitted = new Proxy(
  {},
  {
    get(_, name) {
      // Node.js and compiled imports read these from every module.
      if (typeof name === 'symbol' || name === '__esModule' || name === 'then') return undefined
      if (name === 'default') return omitted
      throw new Error(
        `This command needs a package that "overrides" in package.json omits (it reads "${name}").`
      )
    }
  }
)
module.exports = omitted
