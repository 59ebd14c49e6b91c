/** Where this loader deliberately does something else than Docker Compose, and why. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "own-interpolation/no-interpolate":
    "--no-interpolate is no option of ours: a plan needs the values.",
  "own-misc/compatibility": "--compatibility is no option of ours: names with _ are Compose 1's.",
  "own-reset/reset-many":
    "{A: !reset} is fine YAML; Compose's scanner takes the brace for a part of the tag.",
  "own-units/bytes-24": "Compose lets the size overflow into a negative one; it is refused here.",
};
