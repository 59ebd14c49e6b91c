/** Where this loader deliberately does something else than Docker Compose, and why. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "own-misc/compatibility": "--compatibility is no option of ours: names with _ are Compose 1's.",
  "own-units/bytes-24": "Compose lets the size overflow into a negative one; it is refused here.",
};
