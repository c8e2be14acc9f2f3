/** The ACPI tables of the microvm board: what Linux learns its devices, processors and power-off from. */
import {
  type Aml,
  device,
  eisaId,
  integer,
  method,
  name,
  notify,
  pack,
  scope,
  string,
} from "../boot/acpi/aml.ts";
import {
  interrupt,
  isaInterrupt,
  memory32,
  ports,
  type Resource,
  resourceTemplate,
} from "../boot/acpi/resources.ts";
import { type AcpiTables, makeAcpiTables } from "../boot/acpi/tables.ts";
import { BootError } from "../boot/boot_error.ts";
import type { Segment } from "../boot/elf.ts";
import { AcpiPowerRegister, RESET_VALUE, SLEEP_TYPE_S5 } from "../devices/acpi_power/acpi_power.ts";
import {
  IO_APIC_PINS,
  type MicrovmDevice,
  microvmDevices,
  MicrovmGsi,
  MicrovmMap,
} from "./microvm_map.ts";

/** First global system interrupt that is not of the ISA bus. */
const FIRST_FREE_GSI = 16;
/** Notification of a power button: pressed (ACPI 6.5, table 5.168). */
const BUTTON_PRESSED = 0x80;

/** What the tables depend on. */
export interface MicrovmAcpiOptions {
  /** APIC ids of the vCPUs, the one that boots first. */
  readonly apicIds: readonly number[];
  /** Slots of the virtio devices, in the order in which a guest should find them. */
  readonly virtioSlots: readonly number[];
}

/** The tables at {@linkcode MicrovmMap}.acpi, which is the RSDP's address. Throws a BootError "too-large". */
export function microvmAcpi(options: MicrovmAcpiOptions): Segment {
  const tables = makeAcpiTables(MicrovmMap.acpi, describe(options));
  if (tables.address + tables.memorySize <= MicrovmMap.resetVector) return tables;
  throw new BootError("too-large", "ACPI tables: they do not fit below 1 MiB; use fewer devices");
}

function describe({ apicIds, virtioSlots }: MicrovmAcpiOptions): AcpiTables {
  const register = (offset: number) => ({
    space: "memory" as const,
    address: MicrovmMap.acpiPower + offset,
  });
  return {
    fadt: {
      sleepControl: register(AcpiPowerRegister.SLEEP_CONTROL),
      sleepStatus: register(AcpiPowerRegister.SLEEP_STATUS),
      reset: register(AcpiPowerRegister.RESET),
      resetValue: RESET_VALUE,
      cmosRtc: true,
    },
    madt: {
      localApic: MicrovmMap.localApic,
      apicIds,
      ioApics: [MicrovmMap.ioApic, MicrovmMap.ioApic2].map((address, id) => ({
        id,
        address,
        gsiBase: id * IO_APIC_PINS,
      })),
      overrides: [{ irq: 0, gsi: MicrovmGsi.pit }],
      pic: true,
    },
    dsdt: scope(
      "\\",
      name("_S5", pack(integer(SLEEP_TYPE_S5), integer(0), integer(0), integer(0))),
      scope(
        "\\_SB",
        ...apicIds.map((_, uid) => describeProcessor(uid)),
        ...microvmDevices(virtioSlots).map(describeDevice),
        ...describePowerButton(),
      ),
    ),
  };
}

/** A processor (ACPI 6.5, 8.4); `uid` is that of the MADT. */
function describeProcessor(uid: number): Aml {
  return device(
    `C${uid.toString(16).toUpperCase().padStart(3, "0")}`,
    name("_HID", string("ACPI0007")),
    name("_UID", integer(uid)),
  );
}

function describeDevice({ name: path, id, uid, memory, ports: io, gsi, dma }: MicrovmDevice): Aml {
  const resources: Resource[] = [];
  if (memory !== undefined) resources.push(memory32(memory.address, memory.size));
  if (io !== undefined) resources.push(ports(io.address, io.size));
  resources.push(gsi < FIRST_FREE_GSI ? isaInterrupt(gsi) : interrupt(gsi, "level"));
  return device(
    path,
    // Ids of PNP have a packed form; others are strings.
    name("_HID", id.length === 7 ? eisaId(id) : string(id)),
    name("_UID", integer(uid)),
    ...(dma ? [name("_CCA", integer(1))] : []),
    name("_CRS", resourceTemplate(...resources)),
  );
}

/** A button, and the generic event device (ACPI 6.5, 5.6.9) whose only event is that it was pressed. */
function describePowerButton(): Aml[] {
  return [
    device("PWRB", name("_HID", eisaId("PNP0C0C")), name("_UID", integer(0))),
    device(
      "GED",
      name("_HID", string("ACPI0013")),
      name("_UID", integer(0)),
      name("_CRS", resourceTemplate(interrupt(MicrovmGsi.powerButton, "edge"))),
      method("_EVT", 1, notify("\\_SB.PWRB", BUTTON_PRESSED)),
    ),
  ];
}
