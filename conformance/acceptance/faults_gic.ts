/** Faults of interrupt controllers; see faults.ts. */
import type { Fault } from "./claim.ts";

const GIC = "lib/devices/gic";
const IN_GIC_TEST = `${GIC}/gic_test.ts: \${name}:`;

/** The faults, and how to put them in. */
export const GIC_FAULTS: readonly Fault[] = [
  {
    number: 5,
    what:
      "GIC: the fall of a line is not seen; a level that stays high is not pending again after its end.",
    tests: [`${IN_GIC_TEST} a level that stays high is pending again after the end of interrupt`],
    changes: [
      {
        file: `${GIC}/interrupt_table.ts`,
        find: "if (((this.level[row] & bit) !== 0) === level) return false;",
        replace: "if (!level || ((this.level[row] & bit) !== 0) === level) return false;",
      },
      {
        file: `${GIC}/gicv2.ts`,
        find: "    this.table.deactivate(slot);\n    this.#refresh(slot);",
        replace: "    this.table.deactivate(slot);",
      },
      {
        file: `${GIC}/gicv3.ts`,
        find: "    this.table.deactivate(slot);\n    this.#refresh(slot);",
        replace: "    this.table.deactivate(slot);",
      },
    ],
  },
  {
    number: 6,
    what: "GIC: the least urgent interrupt is taken first.",
    tests: [`${IN_GIC_TEST} the lowest priority value wins, of equal ones the lowest id`],
    changes: [{
      file: `${GIC}/interrupt_table.ts`,
      find: "if (value < priority) {",
      replace: "if (intid === SPURIOUS || value > priority) {",
    }],
  },
  {
    number: 7,
    what: "GIC: the last interrupt is never delivered.",
    tests: [
      `${IN_GIC_TEST} GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone`,
    ],
    changes: [{
      file: `${GIC}/interrupt_table.ts`,
      find: "for (; bits !== 0; bits &= bits - 1) {",
      replace:
        "if (w === this.words - 1) bits &= ~(1 << 31);\n      for (; bits !== 0; bits &= bits - 1) {",
    }],
  },
  {
    number: 8,
    what: "GICv3: GICR_WAKER loses its sleep bit.",
    tests: [`${GIC}/gicv3_test.ts: GICR_WAKER: children sleep and wake with the processor`],
    changes: [{
      file: `${GIC}/gicv3_redistributor.ts`,
      find: "!== 0 ? WAKER.ProcessorSleep | WAKER.ChildrenAsleep : 0;",
      replace: "!== 0 ? WAKER.ChildrenAsleep : 0;",
    }],
  },
  {
    number: 9,
    what: "GICv2: an interrupt with several targets is taken by more than one.",
    tests: [`${GIC}/gicv2_test.ts: an SPI with several targets is taken by one of them`],
    changes: [{
      file: `${GIC}/gicv2.ts`,
      find: "else this.#refresh(slot);\n    this.#signals.mark(cpu);",
      replace: "else this.table.setReady(cpu, intid, false);\n    this.#signals.mark(cpu);",
    }],
  },
  {
    number: 10,
    what: "GICv2: sender and target are exchanged in the registers of pending SGIs.",
    tests: [
      `${GIC}/gicv2_test.ts: GICD_SPENDSGIR and GICD_CPENDSGIR hold one bit per sender, at the vCPU that asks`,
    ],
    changes: [
      {
        file: `${GIC}/gicv2_distributor.ts`,
        find: "else gic.addSgi(cpu, (offset & 15) + i, sources);",
        replace: `else {
          for (let to = 0; to < gic.cpus; to++) {
            if (((sources >>> to) & 1) !== 0) gic.addSgi(to, (offset & 15) + i, 1 << cpu);
          }
        }`,
      },
      {
        file: `${GIC}/gicv2_distributor.ts`,
        find: "gic.removeSgi(cpu, (offset & 15) + i, sources);",
        replace: `for (let to = 0; to < gic.cpus; to++) {
            if (((sources >>> to) & 1) !== 0) gic.removeSgi(to, (offset & 15) + i, 1 << cpu);
          }`,
      },
      {
        file: `${GIC}/gicv2_distributor.ts`,
        find: "gic.sgiSources(cpu, (offset & 15) + i));",
        replace: "Math.min(gic.sgiSources(cpu, (offset & 15) + i), 1));",
      },
    ],
  },
  {
    number: 12,
    what: "ITS: numbers from tables in RAM are used without a check.",
    tests: [
      `${GIC}/gicv3_its_test.ts: tables that the guest scribbles over lead to no vCPU and no LPI that is not there`,
      `${GIC}/gicv3_its_test.ts: what a command names is checked: device, event, LPI, collection, redistributor`,
    ],
    changes: [
      {
        file: `${GIC}/its_commands.ts`,
        find: "return cpu !== undefined && cpu < its.cpus && intid >= LPI_BASE ?",
        replace: "return cpu !== undefined ?",
      },
      {
        file: `${GIC}/its_commands.ts`,
        find: "if (intid < LPI_BASE || intid >= LPI_LIMIT || ",
        replace: "if (",
      },
    ],
  },
  {
    number: 13,
    what: "What a guest writes makes a device throw.",
    tests: [
      `${GIC}/gicv3_its_test.ts: random commands, tables and accesses throw nothing and stay in RAM (seeded fuzz)`,
      `${IN_GIC_TEST} no access at any offset, size or vCPU throws (seeded fuzz)`,
    ],
    changes: [
      {
        file: `${GIC}/its_commands.ts`,
        find: "return COMMANDS[words[0] & 0xff]?.(its, words) ?? false;",
        replace: "return COMMANDS[words[0] & 0xff](its, words);",
      },
      {
        file: `${GIC}/gicv2_distributor.ts`,
        find: "if ((offset & (size - 1)) !== 0) return AccessResult.ok;",
        replace: 'if ((offset & (size - 1)) !== 0) throw new RangeError("misaligned");',
      },
      {
        file: `${GIC}/gicv3_distributor.ts`,
        find: "if (this.#shared(intid)) this.#gic.setRoute(",
        replace:
          'if (!this.#shared(intid)) throw new RangeError("no SPI");\n      this.#gic.setRoute(',
      },
    ],
  },
  {
    number: 30,
    what: "GIC: a reset keeps pending interrupts and LPIs; GICD_CTLR.DS reads as 0.",
    tests: [
      `${IN_GIC_TEST} reset forgets all but the levels of the lines`,
      `${GIC}/gicv3_lpis_test.ts: reset disables LPIs and forgets which are pending`,
      `${GIC}/gicv3_test.ts: GICD_CTLR reads affinity routing and a single security state, keeps the group enables`,
    ],
    changes: [
      {
        file: `${GIC}/interrupt_table.ts`,
        find: "for (const words of [group, enable, latch, message,",
        replace: "for (const words of [group, enable, message,",
      },
      {
        file: `${GIC}/gicv3_lpis.ts`,
        find: "clearArrays(this.#arrays);",
        replace: "",
      },
      {
        file: `${GIC}/gicv3_distributor.ts`,
        find: "this.#gic.groupEnables | GICD_CTLR.ARE | GICD_CTLR.DS;",
        replace: "this.#gic.groupEnables | GICD_CTLR.ARE;",
      },
    ],
  },
  {
    number: 31,
    what: "GIC: an interrupt that was pended by software never ends.",
    tests: [`${IN_GIC_TEST} writing ISPENDR pends a level-sensitive interrupt until it is taken`],
    changes: [{
      file: `${GIC}/interrupt_table.ts`,
      find: "    this.active[row] |= bit;\n    this.latch[row] &= ~bit;",
      replace: "    this.active[row] |= bit;",
    }],
  },
  {
    number: 32,
    what: "GIC: GICD_TYPER counts wrongly, IROUTER has too few bits.",
    tests: [
      `${IN_GIC_TEST} GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone`,
      `${GIC}/gicv3_test.ts: identification: version 3, 16-bit ids, Aff3, message-based SPIs, no LPIs`,
      `${GIC}/gicv3_test.ts: IROUTER: a pending interrupt follows its route, one to nobody waits`,
      `${GIC}/gicv3_lpis_test.ts: with LPIs GICD_TYPER tells them and 16-bit ids, GICR_TYPER and GICR_CTLR what they can do`,
    ],
    changes: [
      {
        file: `${GIC}/gicv2_distributor.ts`,
        find: "return ((gic.cpus - 1) << 5) | (table.words - 1);",
        replace: "return ((gic.cpus - 1) << 5) | (table.words - 2);",
      },
      {
        file: `${GIC}/gicv3_distributor.ts`,
        find: "(this.#gic.lpis ? TYPER_LPIS : 0) | (table.words - 1);",
        replace: "(this.#gic.lpis ? TYPER_LPIS : 0) | (table.words - 2);",
      },
      {
        file: `${GIC}/gicv3_distributor.ts`,
        find: "((ID_BITS - 1) << 19)",
        replace: "(9 << 19)",
      },
      {
        file: `${GIC}/spi_routes.ts`,
        find: "if (high) this.#high[n] = value & 0xff;",
        replace: "if (high) this.#high[n] = value & 0x1f;",
      },
    ],
  },
  {
    number: 37,
    what: "GICv3: a message that comes while its LPI is handled is lost.",
    tests: [
      `${GIC}/gicv3_lpis_test.ts: a message that comes while its LPI is being handled is not lost`,
    ],
    changes: [{
      file: `${GIC}/gicv3.ts`,
      find: "if (together && intid < LPI_BASE) this.#deactivate(cpu, intid);",
      replace:
        "if (intid >= LPI_BASE) this.lpis?.clear(cpu, intid);\n    else if (together) this.#deactivate(cpu, intid);",
    }],
  },
];
