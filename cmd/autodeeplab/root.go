package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit statuses.
const (
	exitFailure     = 1   // something went wrong, or a check found something
	exitUsage       = 2   // the command line is wrong
	exitInternal    = 3   // a defect of this program
	exitInterrupted = 130 // as shells report an interrupt
)

// envDebug names the environment variable under which an internal error prints its stack.
const envDebug = "AUTODEEPLAB_DEBUG"

// usageError is an error of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// app is what commands write to.
type app struct {
	stdout, stderr io.Writer
}

// printf writes a line of a command's answer.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

// execute runs one command line. Whatever goes wrong is one line on stderr.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintf(stderr, "autodeeplab: internal error: %s (please report it; %s=1 shows the stack)\n", oneLine(fmt.Sprint(v)), envDebug)
			if os.Getenv(envDebug) != "" {
				stderr.Write(debug.Stack())
			}
			status = exitInternal
		}
	}()
	root := newRoot(&app{stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "autodeeplab: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "autodeeplab: %s\n", oneLine(err.Error()))
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "autodeeplab",
		Short: "Compile segmentation networks that architecture search found to ONNX, and run them",
		Long: `autodeeplab compiles a segmentation network that architecture search found (a cell and a
path of resolutions, as in Auto-DeepLab) to ONNX, and runs ONNX networks on pictures.

Where a command takes an architecture and none is given, it is the published Auto-DeepLab.`,
		Example: `  autodeeplab demo
  autodeeplab compile --size S --dataset cityscapes --input-size 513x513 -o net.onnx
  autodeeplab run net.onnx photo.jpg -o out/`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// Cobra's own answer to an unknown command is of several lines; with Args open, RunE gives it.
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			var names []string
			for _, c := range cmd.Commands() {
				if c.IsAvailableCommand() {
					names = append(names, c.Name())
				}
			}
			return usagef("unknown command %q%s (autodeeplab --help lists them)", args[0], didYouMean(args[0], names, ""))
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	root.AddCommand(
		newCompileCommand(a), newRunCommand(a), newSummaryCommand(a), newShowCommand(a),
		newCheckCommand(a), newDrawCommand(a), newDemoCommand(a), newVersionCommand(a),
	)
	return root
}

// flagError makes pflag's error ours: an unknown flag names the nearest one there is.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		name := unknown.GetSpecifiedName()
		return usagef("unknown flag --%s%s (%s --help lists them)", name, didYouMean(name, names, "--"), cmd.CommandPath())
	}
	return usageError{err}
}

// arguments checks the number of a command's arguments; most < 0 means any number.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usagef("%s takes %s, not %d arguments (%s)", cmd.CommandPath(), what, len(args), cmd.UseLine())
		}
		return nil
	}
}

// didYouMean names the candidate nearest to what was typed, if any is near.
func didYouMean(typed string, candidates []string, prefix string) string {
	best, least := "", max(2, len(typed)/3)+1
	for _, c := range candidates {
		d := editDistance(typed, c)
		if len(typed) >= 3 && strings.HasPrefix(c, typed) {
			d = 1
		}
		if d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + prefix + best + "?"
}

// editDistance is how many letters must be put in, taken out or changed to turn a into b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
