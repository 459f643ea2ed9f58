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

	"autodeeplab/compile"
	"autodeeplab/internal/limits"
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

// execute runs one command line. Whatever goes wrong is one line on stderr.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	a := &app{limits: limits.Default(), stdout: &answer{w: stdout}, stderr: stderr}
	defer func() {
		if v := recover(); v != nil {
			a.complain(fmt.Sprintf("internal error: %v (please report it; %s=1 shows the stack)", v, envDebug))
			if os.Getenv(envDebug) != "" {
				stderr.Write(debug.Stack())
			}
			status = exitInternal
		}
	}()
	root := newRoot(a)
	// The time limit is known once the flags are read.
	stop := func() {}
	defer func() { stop() }()
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		if d := a.limits.Time(); d > 0 {
			limited, cancel := context.WithTimeout(cmd.Context(), d)
			stop = cancel
			cmd.SetContext(limited)
		}
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(a.stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = a.stdout.err
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		a.complain("interrupted")
		return exitInterrupted
	}
	if d := a.limits.Time(); d > 0 && errors.Is(err, context.DeadlineExceeded) {
		a.complain(fmt.Sprintf("stopped after %g s (--limit seconds)", d.Seconds()))
		return exitFailure
	}
	a.complain(err.Error())
	var usage usageError
	if errors.As(err, &usage) || errors.Is(err, compile.ErrOptions) {
		return exitUsage
	}
	return exitFailure
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "autodeeplab COMMAND [arguments and flags]",
		Short: "Compile segmentation networks that architecture search found to ONNX, and run them",
		Long: `autodeeplab compiles a segmentation network that architecture search found (a cell and a
path of resolutions, as in Auto-DeepLab) to ONNX, and runs ONNX networks on pictures.

An architecture is a JSON file, or an .onnx that compile wrote, which carries its own. Where a command
takes an architecture and none is given, it is the published Auto-DeepLab. "autodeeplab COMMAND --help"
says more about a command.`,
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
			return unknownCommand(cmd, args[0])
		},
		Version: moduleVersion(),
	}
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.stdout.Write(helpText(cmd)) })
	root.SetHelpCommand(newHelpCommand(a))
	root.PersistentFlags().BoolP("help", "h", false, "print this help")
	root.PersistentFlags().Var(limitFlag{a.limits}, "limit", "change limits of what is read and run; autodeeplab limits lists them")
	root.Flags().Bool("version", false, "print the version")
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	root.AddCommand(
		newDemoCommand(a), newDataCommand(a), newSearchCommand(a), newDecodeCommand(a), newTrainCommand(a), newReportCommand(a), newCompileCommand(a),
		newImportCommand(a), newRunCommand(a), newEvalCommand(a), newCheckCommand(a), newVerifyCommand(a), newSummaryCommand(a), newShowCommand(a),
		newDrawCommand(a), newBenchCommand(a), newCompletionCommand(a), newLimitsCommand(a), newVersionCommand(a),
	)
	return root
}

// flagError makes pflag's error ours: an unknown flag names the nearest one there is.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	switch {
	case !errors.As(err, &unknown):
		return usageError{err}
	case unknown.GetSpecifiedShortnames() != "":
		return usagef("unknown flag -%s (%s --help lists them)", unknown.GetSpecifiedName(), cmd.CommandPath())
	default:
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		name := unknown.GetSpecifiedName()
		return usagef("unknown flag --%s%s (%s --help lists them)", name, didYouMean(name, names, "--"), cmd.CommandPath())
	}
}

// arguments checks the number of a command's arguments; most < 0 means any number.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			given := fmt.Sprintf("%d are given", len(args))
			switch len(args) {
			case 0:
				given = "none is given"
			case 1:
				given = "1 is given"
			}
			return usagef("%s takes %s, but %s (%s)", cmd.Name(), what, given, usageLine(cmd))
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
