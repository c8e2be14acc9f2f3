/** Debug registers, op0 = 2: rows of the system register table (Arm ARM, D17.3). */
import { BREAKPOINTS, OSLK, WATCHPOINTS } from "./debug.ts";
import { field } from "./layout.ts";
import { define, type SystemContext, type SystemRegister } from "./system_register.ts";

const OSLSR = field("OSLSR_EL1");
const CLAIM = field("DBGCLAIM_EL1");
const MDSCR = field("MDSCR_EL1");

const word = 0xffffffffn;
/** SS, TDCC, KDE, HDE, MDE and what the OS save and restore sequence moves. */
const MDSCR_MASK = 0x6c68f041n;
/** OSLM = 2: the OS lock is implemented. It is locked at reset. */
const OSLSR_RESET = 0xan;
/** E, PMC, HMC, SSC, LBN, BT; BAS is RES1 without AArch32. */
const BCR_MASK = 0x00ffe007n;
const BCR_RES1 = 0x1e0n;
/** E, PAC, LSC, BAS, HMC, SSC, LBN, WT, MASK. */
const WCR_MASK = 0x1f1fffffn;
/** Claim tags implemented. */
const CLAIMS = 0xffn;
/** MDSCR_EL1.TDCC: EL0 access to the debug communication channel is trapped. */
const TDCC = 1 << 12;

const changed = (c: SystemContext): void => {
  if (c.debug.configure()) c.tlb.flushAll();
};
const channelTrapped = (c: SystemContext): boolean => (c.state.view.low(MDSCR) & TDCC) !== 0;

/** The rows. */
export function debugRegisters(): readonly SystemRegister[] {
  const rows: SystemRegister[] = [
    define("OSDTRRX_EL1", [2, 0, 0, 0, 2], { field: field("OSDTRRX_EL1"), mask: word }),
    define("MDCCINT_EL1", [2, 0, 0, 2, 0], { field: field("MDCCINT_EL1"), mask: 0x60000000n }),
    define("MDSCR_EL1", [2, 0, 0, 2, 2], { field: MDSCR, mask: MDSCR_MASK, changed }),
    define("OSDTRTX_EL1", [2, 0, 0, 3, 2], { field: field("OSDTRTX_EL1"), mask: word }),
    define("OSECCR_EL1", [2, 0, 0, 6, 2], { field: field("OSECCR_EL1"), mask: word }),
    define("MDRAR_EL1", [2, 0, 1, 0, 0], { el1: "r", mask: 0n }),
    define("OSLAR_EL1", [2, 0, 1, 0, 4], {
      el1: "w",
      write: (c, value) => {
        const { view } = c.state;
        const rest = view.get32(OSLSR) & ~OSLK;
        view.set32(OSLSR, (value & 1n) !== 0n ? rest | OSLK : rest);
        changed(c);
      },
    }),
    define("OSLSR_EL1", [2, 0, 1, 1, 4], { el1: "r", mask: 0n, field: OSLSR, reset: OSLSR_RESET }),
    define("OSDLR_EL1", [2, 0, 1, 3, 4], { field: field("OSDLR_EL1"), mask: 1n, changed }),
    define("DBGPRCR_EL1", [2, 0, 1, 4, 4], { mask: 0n }),
    define("DBGCLAIMSET_EL1", [2, 0, 7, 8, 6], {
      read: () => CLAIMS,
      write: (c, value) => {
        const { view } = c.state;
        view.set64(CLAIM, view.get64(CLAIM) | (value & CLAIMS));
      },
    }),
    define("DBGCLAIMCLR_EL1", [2, 0, 7, 9, 6], {
      read: (c) => c.state.view.get64(CLAIM),
      write: (c, value) => {
        const { view } = c.state;
        view.set64(CLAIM, view.get64(CLAIM) & ~value);
      },
    }),
    define("DBGAUTHSTATUS_EL1", [2, 0, 7, 14, 6], { el1: "r", mask: 0n }),
    define("MDCCSR_EL0", [2, 3, 0, 1, 0], {
      el0: "r",
      el1: "r",
      mask: 0n,
      trapped: channelTrapped,
    }),
    define("DBGDTR_EL0", [2, 3, 0, 4, 0], { el0: "rw", mask: 0n, trapped: channelTrapped }),
    // DBGDTRRX_EL0 when read, DBGDTRTX_EL0 when written: nobody is at the other end.
    define("DBGDTRRX_EL0", [2, 3, 0, 5, 0], { el0: "rw", mask: 0n, trapped: channelTrapped }),
  ];
  for (let n = 0; n < BREAKPOINTS; n++) {
    rows.push(
      define(`DBGBVR${n}_EL1`, [2, 0, 0, n, 4], {
        field: field("DBGBVR_EL1"),
        element: n,
        changed,
      }),
      define(`DBGBCR${n}_EL1`, [2, 0, 0, n, 5], {
        field: field("DBGBCR_EL1"),
        element: n,
        mask: BCR_MASK,
        reset: BCR_RES1,
        changed,
      }),
    );
  }
  for (let n = 0; n < WATCHPOINTS; n++) {
    rows.push(
      define(`DBGWVR${n}_EL1`, [2, 0, 0, n, 6], {
        field: field("DBGWVR_EL1"),
        element: n,
        mask: 0xffffffff_fffffffcn,
        changed,
      }),
      define(`DBGWCR${n}_EL1`, [2, 0, 0, n, 7], {
        field: field("DBGWCR_EL1"),
        element: n,
        mask: WCR_MASK,
        changed,
      }),
    );
  }
  return rows;
}
