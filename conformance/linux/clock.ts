/**
 * The guest's clock against the host's, exact however busy the host is: the guest is asked for its time
 * twice. What passed between the answers lies between what passed from the first answer to the second
 * question and what passed from the first question to the second answer.
 *
 * Totals cannot be compared: a machine's clock starts before the kernel runs, and Linux counts ticks
 * until it switches to a clock source of its own, so that it loses the time that the host had no time.
 */
import type { DialogueStep } from "./runtimes.ts";

/** `echo` does not print this as it is typed. */
const ASK = "echo VML-CLO''CK $(cut -d' ' -f1 /proc/uptime)\n";
const ANSWER = /VML-CLOCK ([\d.]+)\r?\n/;
const ANSWER_AND_PROMPT = /VML-CLOCK [\d.]+\r?\n[^]*# /;
/** The guest sleeps, then computes. */
const PASS_TIME = "sleep 3; head -c 8000000 /dev/zero | md5sum; echo PAS''SED\n";

const FIRST: DialogueStep = { after: /VML-SHELL[^]*# /, type: ASK };
const WAIT: DialogueStep = { after: ANSWER_AND_PROMPT, type: PASS_TIME };
const SECOND: DialogueStep = { after: /PASSED\r?\n[^]*# /, type: ASK };
const END: DialogueStep = { after: ANSWER, type: "" };

/** From the shell's first prompt; another step has to wait for the next prompt. */
export const CLOCK_DIALOGUE: readonly DialogueStep[] = [FIRST, WAIT, SECOND, END];

/** Linux prints hundredths of a second. */
const RESOLUTION = 0.01;

/** Faults of the guest's clock; `moments`: seconds of the host at which each step was typed. */
export function clockFaults(
  transcript: string,
  moments: ReadonlyMap<DialogueStep, number>,
): string[] {
  const answers = [...transcript.matchAll(new RegExp(ANSWER, "g"))].map((match) =>
    Number(match[1])
  );
  const [first, wait, second, end] = CLOCK_DIALOGUE.map((step) => moments.get(step) ?? NaN);
  const guest = answers[1] - answers[0];
  const least = second - wait;
  const most = end - first;
  if (guest >= least - RESOLUTION && guest <= most + RESOLUTION) return [];
  return [
    `${guest.toFixed(2)} s passed in the guest, ${least.toFixed(2)} to ${most.toFixed(2)} s here`,
  ];
}
