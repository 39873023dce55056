// `acton completions SHELL`: the script that asks `acton complete -- WORD…` for each word that is to be completed. What comes
// back is data to the script, never code: names come from whatever server is asked.

import { printOut } from "../terminal.ts";

export async function completions(shell: keyof typeof scripts): Promise<void> {
  await printOut(scripts[shell]);
}

// The first line of an answer says how to go on: "names", "keys" (no space after them) or "files".

// Bash splits words at = and :, which completions must be relative to; without the bash-completion package nothing joins them.
const bash = `# bash completion for acton
_acton() {
  local line=\${COMP_LINE:0:COMP_POINT} cur=\${COMP_WORDS[COMP_CWORD]} kind value description prefix
  local -a words answer
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local word=\${words[-1]}
  mapfile -t answer < <("\${COMP_WORDS[0]}" complete -- "\${words[@]:1}" 2>/dev/null)
  kind=\${answer[0]}
  COMPREPLY=()
  if [[ $kind == files ]]; then
    compopt -o default
    return
  fi
  [[ $kind == keys ]] && compopt -o nospace
  prefix=\${word%"\${word##*[=:]}"}
  for value in "\${answer[@]:1}"; do
    value=\${value%%$'\\t'*}
    [[ $value == "$word"* ]] && COMPREPLY+=("\${value#"$prefix"}")
  done
}
complete -F _acton acton
`;

const zsh = `#compdef acton
_acton() {
  local -a answer names shown
  local line
  answer=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${answer[1]}" == files ]]; then
    _files
    return
  fi
  for line in "\${(@)answer[2,-1]}"; do
    [[ -z "$line" ]] && continue
    names+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  }")
  done
  if [[ "\${answer[1]}" == keys ]]; then
    compadd -S '' -d shown -a names
  else
    compadd -d shown -a names
  fi
}
if [[ "\${funcstack[1]}" == "_acton" ]]; then
  _acton "$@"
else
  compdef _acton acton
fi
`;

const fish = `# fish completion for acton
function __acton_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer ($words[1] complete -- $words[2..-1] 2>/dev/null)
  if test "$answer[1]" = files
    __fish_complete_path (commandline -ct)
    return
  end
  printf '%s\\n' $answer[2..-1]
end
complete -c acton -f -a '(__acton_complete)'
`;

const scripts = { bash, zsh, fish };
