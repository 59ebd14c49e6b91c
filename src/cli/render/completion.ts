import type { Command } from "commander";

export type Shell = "bash" | "zsh" | "fish";

/** What may follow a command: `dso secret` is followed by `set`, `--help`, … */
export interface Words {
  /** The command with those above it, separated by spaces; empty for the program itself. */
  readonly command: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly string[];
}

/** All commands of a program, the program itself first. */
export function wordsOf(root: Command, above: readonly string[] = []): readonly Words[] {
  const commands = root.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
  }));
  const flags = root.options.flatMap(({ long }) => (long ? [long] : [])).sort();
  const own = { command: above.join(" "), commands, flags: [...flags, "--help"] };
  const below = root.commands.flatMap((command) => wordsOf(command, [...above, command.name()]));
  return [own, ...below];
}

export function completionScript(shell: Shell, words: readonly Words[]): string {
  return { bash, zsh, fish }[shell](words);
}

/** The words before the cursor, flags left out, are the command; a file completes everything else. */
/** The cases in which what was typed so far is a command, alike in both shells. */
function recognised(words: readonly Words[]): string {
  return words
    .map(({ command }) => `      ${quote(command)}) command=$next ;;`)
    .slice(1)
    .join("\n");
}

function bash(words: readonly Words[]): string {
  return `# bash completion for dso: source <(dso completion bash)
_dso() {
  local word command="" next current=\${COMP_WORDS[COMP_CWORD]}
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) continue ;; esac
    next="\${command:+$command }$word"
    case $next in
${recognised(words)}
    esac
  done
  case $command in
${words.map((entry) => `    ${quote(entry.command)}) next=${quote(all(entry))} ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$next" -- "$current"))
}
complete -o default -F _dso dso`;
}

function zsh(words: readonly Words[]): string {
  return `#compdef dso
# zsh completion for dso: source <(dso completion zsh)
_dso() {
  local word command="" next
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -* ]] && continue
    next="\${command:+$command }$word"
    case $next in
${recognised(words)}
    esac
  done
  case $command in
${words.map((entry) => `    ${quote(entry.command)}) compadd -- ${all(entry)} ;;`).join("\n")}
  esac
  _files
}
compdef _dso dso`;
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ command, commands, flags }) => {
    const seen = command === "" ? "__fish_use_subcommand" : `__dso_at ${command}`;
    return [
      ...commands.map(
        ({ name, summary }) => `complete -c dso -n '${seen}' -f -a ${name} -d ${quote(summary)}`,
      ),
      ...flags.map((flag) => `complete -c dso -n '${seen}' -l ${flag.slice(2)}`),
    ];
  });
  return `# fish completion for dso: dso completion fish | source
function __dso_at
  set -l given (string match -v -- '-*' (commandline -opc))[2..]
  test "$given[1..$(count $argv)]" = "$argv"
end
${lines.join("\n")}`;
}

function all({ commands, flags }: Words): string {
  return [...commands.map(({ name }) => name), ...flags].join(" ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
