import { type DesiredService, setsOwnership } from "../model/desired.ts";
import type { PlanWarning } from "../model/plan.ts";
import { secretName, versionKey } from "../model/reference.ts";
import { isOurs } from "./before.ts";
import { only, replaced, type ServiceDecision } from "./decision.ts";
import { referencesIn } from "./delivered.ts";
import { imageWarnings } from "./imageWarnings.ts";
import { containerAddress } from "./inventory.ts";
import { isPerhapsFinished } from "./jobs.ts";
import { isOfValues, unrefreshable } from "./method.ts";
import { byText } from "./order.ts";
import { nameList } from "./reasons.ts";
import { sealingWarnings } from "./sealing.ts";
import { scaled, type Situation } from "./situation.ts";

export function serviceWarnings(
  situation: Situation,
  decision: ServiceDecision,
): readonly PlanWarning[] {
  const { service } = decision;
  if (!situation.selection.service(service.name)) return [];
  return [
    ...exposedValues(service),
    ...sealingWarnings(service, situation.observed),
    ...unversionedValues(situation, service),
    ...valuesRead(situation, service),
    ...leftToPeople(decision),
    ...notRefreshed(decision),
    ...perhapsFinished(situation, decision),
    ...leftByHand(decision),
    ...imageWarnings(situation, decision),
    ...notOwned(decision),
  ];
}

/** Compose binds a file as it is: a container of its making is adopted like that. */
function notOwned({ service, decisions }: ServiceDecision): readonly PlanWarning[] {
  const asked = service.files.filter(
    (file) => file.content.kind === "host-file" && setsOwnership(file),
  );
  const adopted = decisions.some(
    (one) => (one.action === "keep" || one.action === "update") && !isOurs(one.instance.container),
  );
  if (asked.length === 0 || !adopted) return [];
  const places = nameList(asked.map(({ target }) => target));
  return [
    {
      code: "not-owned",
      message: `Docker Compose made a container of service "${service.name}" and gave no owner or mode of its own to ${places}`,
      hint: "It gets them with its next container; `-replace` makes one now.",
      position: undefined,
    },
  ];
}

function exposedValues(service: DesiredService): readonly PlanWarning[] {
  const exposed = service.bindings.filter(({ grade }) => grade === "exposed");
  const names = exposed.flatMap(({ place }) => (place.kind === "environment" ? [place.name] : []));
  if (names.length === 0) return [];
  const what = names.length === 1 ? "a value" : `${names.length} values`;
  const chosen = service.policy.env === "exposed";
  return [
    {
      code: "exposed",
      message: `service "${service.name}" gets ${what} in its environment, where \`docker inspect\` shows it: ${nameList(names)}${chosen ? "" : ". It cannot be sealed here"}`,
      hint: "Where the program can read a file, write dsofile:// instead of dso://: the value then stays in memory.",
      position: exposed[0]?.position,
    },
  ];
}

function unversionedValues(
  { desired }: Situation,
  service: DesiredService,
): readonly PlanWarning[] {
  const names = new Set(
    referencesIn(service)
      .filter((reference) => desired.unversioned.has(versionKey(reference)))
      .map(secretName),
  );
  if (names.size === 0) return [];
  return [
    {
      code: "unversioned",
      message: `the provider of ${nameList([...names].sort(byText))} has no versions: whether service "${service.name}" has the current value is not known before apply`,
      hint: undefined,
      position: undefined,
    },
  ];
}

function valuesRead({ desired }: Situation, service: DesiredService): readonly PlanWarning[] {
  const names = new Set(
    referencesIn(service)
      .filter(({ provider }) => desired.byValue?.has(provider))
      .map(secretName),
  );
  if (names.size === 0) return [];
  return [
    {
      code: "by-value",
      message: `the provider of ${nameList([...names].sort(byText))} is told by value: a fingerprint stands in for a version, and this plan has read what service "${service.name}" gets of it`,
      hint: undefined,
      position: undefined,
    },
  ];
}

/** Each once, whoever is given it. */
export function unrenewedLeases(situation: Situation): readonly PlanWarning[] {
  const { desired, selection } = situation;
  const given = [...desired.services.values()].filter(({ name }) => selection.service(name));
  const names = new Set(given.flatMap(referencesIn).map(secretName));
  return [...(desired.unrenewed ?? [])]
    .filter(([name]) => names.has(name))
    .map(([name, until]) => ({
      code: "unrenewed",
      message: `nobody renews "${name}": ${until === undefined ? "what is issued of it ends by itself" : `what is held of it ends at ${until}`}`,
      hint: "`dso agent` renews it, and replaces it before its longest time is over.",
      position: undefined,
    }));
}

function leftToPeople(decision: ServiceDecision): readonly PlanWarning[] {
  const left = only(decision, "replace").filter(({ choice }) => choice.method === "none");
  if (left.length === 0) return [];
  const { name } = decision.service;
  return [
    {
      code: "strategy-none",
      message: `service "${name}" has the strategy "none": its containers keep the values that they have`,
      hint: `\`dso apply -replace=service.${name}\` gives them the new ones.`,
      position: undefined,
    },
  ];
}

/** It is to be told of new files, and is replaced: the plan says why. */
function notRefreshed(decision: ServiceDecision): readonly PlanWarning[] {
  const { name, policy } = decision.service;
  if (policy.strategy !== "signal" && policy.strategy !== "refresh") return [];
  const places = replaced(decision).flatMap(({ reasons }) =>
    isOfValues(reasons) ? unrefreshable(decision.service, reasons) : [],
  );
  if (places.length === 0) return [];
  return [
    {
      code: "not-refreshed",
      message: `service "${name}" has the strategy "${policy.strategy}", and is replaced: ${nameList([...new Set(places)].sort(byText))} changes only with a new container`,
      hint: "Deliver the value as a file below /run/secrets, with dsofile:// and without target=.",
      position: undefined,
    },
  ];
}

/** Without an apply there is nothing to differ from. */
export function neverApplied({ desired, observed }: Situation): readonly PlanWarning[] {
  if (observed.lastApply !== undefined || observed.containers.some(isOurs)) return [];
  return [
    {
      code: "never-applied",
      message: `project "${desired.project.name}" was never applied to this engine, so that nothing can differ from what was`,
      hint: "`dso plan` compares the engine with the files.",
      position: undefined,
    },
  ];
}

/** Drift that nothing in the plan puts right. */
export function leftByHand({ decisions }: ServiceDecision): readonly PlanWarning[] {
  return decisions.flatMap((one) => {
    if (one.action !== "keep" && one.action !== "update") return [];
    const left = one.drift.some(
      ({ step, reason }) => step === undefined && reason.code === "drift_modified",
    );
    if (!left) return [];
    const address = containerAddress(one.instance.service, one.instance.number);
    return [
      {
        code: "left-by-hand",
        message: `what was changed by hand in ${address} is left as it is`,
        hint: `\`dso apply -replace=${address}\` makes it anew, as the files say.`,
        position: undefined,
      },
    ];
  });
}

function perhapsFinished(
  situation: Situation,
  { service, decisions }: ServiceDecision,
): readonly PlanWarning[] {
  const { name } = service;
  const unclear = decisions.some(
    (one) =>
      one.action === "update" && isPerhapsFinished(situation, service, one.instance.container),
  );
  if (!unclear) return [];
  return [
    {
      code: "job-or-stopped",
      message: `service "${name}" ended with 0 after the last apply, and is taken for a server that somebody stopped`,
      hint: `If it is a job that is done, say so: restart: "no", or condition: service_completed_successfully where others need it.`,
      position: situation.desired.project.positions.at(["services", name]),
    },
  ];
}

/** Removing everything is rarely what an empty or filtered model meant. */
export function emptyDesired({ desired, inventory, options }: Situation): readonly PlanWarning[] {
  const wanted = [...desired.services.values()].some((service) => scaled(options, service) > 0);
  const there = [...inventory.instances.values()].flat().length + inventory.orphans.length;
  if (wanted || there === 0 || options.removeOrphans === "none") return [];
  return [
    {
      code: "empty-desired",
      message: `the files want no container, and ${there} ${there === 1 ? "is" : "are"} there: everything would be removed`,
      hint: "Look whether files, profiles and variables are the ones you mean; -allow-empty says that they are.",
      position: undefined,
    },
  ];
}
