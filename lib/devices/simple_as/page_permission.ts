/** Who may do what with a page: a set of bits. */

/** The bits. Unite them with `|`. */
export const PagePermission = {
  none: 0,
  read: 1,
  write: 2,
  /** Execute at EL0. */
  executeUser: 4,
  /** Execute at EL1. */
  executeSupervisor: 8,
  /** Everything. */
  all: 15,
} as const;

/** A set of {@linkcode PagePermission} bits, 0 to 15. */
export type PagePermissions = number;

/** Whether `held` has every right in `wanted`. */
export function permits(held: PagePermissions, wanted: PagePermissions): boolean {
  return (wanted & ~held) === 0;
}

/** The rights that `held` has not. */
export function complement(held: PagePermissions): PagePermissions {
  return PagePermission.all & ~held;
}

/** As text: `R`, `W`, then `X` and for whom: `RW-`, `R-XU` (user), `RWXS` (supervisor), `R-X` (both). */
export function formatPermissions(held: PagePermissions): string {
  const user = (held & PagePermission.executeUser) !== 0;
  const supervisor = (held & PagePermission.executeSupervisor) !== 0;
  const execute = user && supervisor ? "X" : user ? "XU" : supervisor ? "XS" : "-";
  return `${(held & PagePermission.read) !== 0 ? "R" : "-"}${
    (held & PagePermission.write) !== 0 ? "W" : "-"
  }${execute}`;
}
