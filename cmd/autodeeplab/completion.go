package main

import (
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

// completions writes each shell's script.
var completions = map[string]func(root *cobra.Command, w io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) },
	"zsh":        func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
}

// newCompletionCommand stands for Cobra's command of this name, which answers a wrong shell with its help and success.
func newCompletionCommand(a *app) *cobra.Command {
	shells := slices.Sorted(maps.Keys(completions))
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that makes a shell complete this program's commands and flags",
		Long: `completion prints a script for SHELL (` + orList(shells) + `) that makes it complete the
program's commands, flags and their values.`,
		Example: `  source <(autodeeplab completion bash)                                          # in this shell
  autodeeplab completion zsh > "${fpath[1]}/_autodeeplab"                        # for every new one
  autodeeplab completion fish > ~/.config/fish/completions/autodeeplab.fish
  autodeeplab completion powershell | Out-String | Invoke-Expression`,
		Args:      arguments(1, 1, "one shell: "+orList(shells)),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := completions[args[0]]
			if !ok {
				return usagef("completion %s: unknown shell%s, want %s", args[0], didYouMean(args[0], shells, ""), orList(shells))
			}
			return write(cmd.Root(), a.stdout)
		},
	}
}
