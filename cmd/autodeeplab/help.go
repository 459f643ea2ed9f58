package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands are listed in the order in which root adds them.
func init() { cobra.EnableCommandSorting = false }

// helpText is what --help prints: what the command does, how it is called, and its flags in the order of their
// definition. (Cobra's own adds "[=true|false]" to every switch.)
func helpText(cmd *cobra.Command) []byte {
	var b bytes.Buffer
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", about, usageLine(cmd))
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	var rows [][2]string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			rows = append(rows, [2]string{c.Name(), c.Short})
		}
	}
	if len(rows) > 0 {
		b.WriteString("\nCommands:\n")
		writeRows(&b, rows)
	}
	rows = nil
	cmd.InheritedFlags() // takes the root's flags into Flags
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			rows = append(rows, flagRow(f))
		}
	})
	b.WriteString("\nFlags:\n")
	writeRows(&b, rows)
	return b.Bytes()
}

// usageLine is how a command is called.
func usageLine(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return cmd.Use
	}
	return cmd.Parent().CommandPath() + " " + cmd.Use + " [flags]"
}

// argumentKey is the annotation that holds what a flag's argument is called.
const argumentKey = "argument"

// nameArguments says what the arguments of flags are called in the help, in pairs of flag and argument.
func nameArguments(f *pflag.FlagSet, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if err := f.SetAnnotation(pairs[i], argumentKey, pairs[i+1:i+2]); err != nil {
			panic(err) // unreachable: the flags were defined a line above
		}
	}
}

// flagRow gives a flag with its argument, and what it does with its default.
func flagRow(f *pflag.Flag) [2]string {
	name := "    --" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", --" + f.Name
	}
	switch argument := f.Annotations[argumentKey]; {
	case argument != nil:
		name += " " + argument[0]
	case f.Value.Type() != "bool":
		name += " " + f.Value.Type()
	}
	usage := f.Usage
	switch value := strings.Trim(f.DefValue, "[]"); value {
	case "", "0", "false":
	default:
		usage += " (default " + value + ")"
	}
	return [2]string{name, usage}
}

func writeRows(b *bytes.Buffer, rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	for _, r := range rows {
		fmt.Fprintf(b, "  %-*s  %s\n", width, r[0], r[1])
	}
}

// newHelpCommand prints what --help prints.
func newHelpCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		Args:  arguments(0, 2, "at most a command and one of its own"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at := cmd.Root()
			for _, name := range args {
				i := slices.IndexFunc(at.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
				if i < 0 {
					return unknownCommand(at, name)
				}
				at = at.Commands()[i]
			}
			return at.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return commandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// unknownCommand is the error of a name that no command of at has.
func unknownCommand(at *cobra.Command, name string) error {
	if len(commandNames(at)) == 0 {
		return usagef("%s has no command %q below it: want at most one command", at.CommandPath(), name)
	}
	return usagef("unknown command %q%s (%s --help lists them)", name, didYouMean(name, commandNames(at), ""), at.CommandPath())
}
