package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"autodeeplab/decode"
)

// importFlags are the flags that settle what a file of another program leaves open.
var importFlags = map[decode.ImportOption]struct{ name, accepted string }{
	decode.OptionAlphaName:      {"alpha", "NAME"},
	decode.OptionBetaName:       {"beta", "NAME"},
	decode.OptionAlphaOrder:     {"alpha-order", orList(texts(decode.AlphaOrders()))},
	decode.OptionBetaConvention: {"beta-convention", orList(texts(decode.BetaConventions()))},
	decode.OptionOperators:      {"operators", "LIST of α's columns"},
	decode.OptionValues:         {"values", orList(texts(decode.ValueKinds()))},
}

func texts[S ~string](list []S) []string {
	var words []string
	for _, s := range list {
		words = append(words, string(s))
	}
	return words
}

type decodeOptions struct {
	imports                            decode.ImportOptions
	alphaOrder, betaConvention, values string
	operators                          []string
	out, relaxation, name              string
	top                                int
	json                               bool
	randomFlags
}

// defaultTop is how many paths are shown.
const defaultTop = 3

func newDecodeCommand(a *app) *cobra.Command {
	var o decodeOptions
	cmd := &cobra.Command{
		Use:   "decode RELAXATION | --random [-o ARCH.json]",
		Short: "Decode what a search learned (α and β) to an architecture",
		Long: `decode turns α and β to an architecture as the paper does: each block of the cell keeps its two
strongest edges with their strongest operators, and the path is the one with the largest product of β
(Viterbi). It prints how sure the search is: the ` + strconv.Itoa(defaultTop) + ` best paths (--top) with their scores and margins, and
each edge's operator and runner-up.

RELAXATION is the relaxation.safetensors of a search. Files of other programs are accepted too: a NumPy
.npz or two .npy, or a PyTorch checkpoint (its pickle is parsed, nothing in it is executed). Arrays named
alphas and betas are known to be as NoamRosenberg/autodeeplab stores them; for others flags say what their
elements mean:

  --alpha-order      rows of a block of α: newest-first (H[l-1], H[l-2], blocks) or oldest-first
                     (H[l-2], H[l-1], blocks)
  --beta-convention  β [layers, levels, 3]: outgoing (row: the level left, columns: up, same, down),
                     outgoing-packed (the same, but row 0 is same, down), incoming (row: the level
                     reached, columns: from the finer, the same, the coarser level), incoming-packed
                     (the same, but row 0 is same, coarser, and the first move to a level is where
                     outgoing-packed has it)

-o FILE writes the architecture with the best path; -o DIR/ one file for each of the --top paths.

--random draws an architecture of the search space instead, every cell and path as likely as any other: the
baseline that a search must beat.`,
		Example: `  autodeeplab decode relaxation.safetensors -o found.json
  autodeeplab decode relaxation.safetensors --top 10 -o candidates/
  autodeeplab decode checkpoint.pth.tar -o found.json --save relaxation.safetensors
  autodeeplab decode search.npz --beta-convention outgoing-packed --json
  autodeeplab decode --random --seed 3 --layers 8 --blocks 3 -o random.json`,
		Args: arguments(0, 2, "one relaxation, or two .npy"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.randomFlags.check(cmd, args); err != nil {
				return err
			}
			if o.random {
				return a.decodeRandom(&o)
			}
			if o.top < 1 || o.top > decode.MaxTop {
				return usagef("--top %d: want 1 to %d", o.top, decode.MaxTop)
			}
			if err := o.readImportFlags(); err != nil {
				return err
			}
			return a.decode(args, &o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "file for the best architecture, or folder for all that are shown")
	f.IntVar(&o.top, "top", defaultTop, "number of paths to show")
	f.StringVar(&o.name, "name", "", "name of the architecture")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.StringVar(&o.relaxation, "save", "", "write α and β as a relaxation.safetensors")
	f.StringVar(&o.imports.AlphaName, "alpha", "", "name of α among the arrays of the file")
	f.StringVar(&o.imports.BetaName, "beta", "", "name of β")
	f.StringVar(&o.alphaOrder, "alpha-order", "", "order of α's rows: "+orList(texts(decode.AlphaOrders())))
	f.StringVar(&o.betaConvention, "beta-convention", "", "meaning of β's elements: "+orList(texts(decode.BetaConventions())))
	f.StringSliceVar(&o.operators, "operators", nil, "operators of α's columns, all 8 in the file's order, comma-separated")
	f.StringVar(&o.values, "values", "", "whether α and β are "+orList(texts(decode.ValueKinds())))
	o.randomFlags.add(cmd)
	nameArguments(f, "output", "PATH", "top", "N", "name", "NAME", "save", "FILE", "alpha", "NAME", "beta", "NAME",
		"alpha-order", "ORDER", "beta-convention", "RULE", "operators", "LIST", "values", "KIND")
	completeWith(cmd, "alpha-order", texts(decode.AlphaOrders()))
	completeWith(cmd, "beta-convention", texts(decode.BetaConventions()))
	completeWith(cmd, "values", texts(decode.ValueKinds()))
	return cmd
}

func (o *decodeOptions) readImportFlags() error {
	for _, f := range []struct {
		flag, value string
		accepted    []string
	}{
		{"alpha-order", o.alphaOrder, texts(decode.AlphaOrders())},
		{"beta-convention", o.betaConvention, texts(decode.BetaConventions())},
		{"values", o.values, texts(decode.ValueKinds())},
	} {
		if f.value != "" && !slices.Contains(f.accepted, f.value) {
			return usagef("--%s %s: want %s", f.flag, f.value, orList(f.accepted))
		}
	}
	o.imports.AlphaOrder = decode.AlphaOrder(o.alphaOrder)
	o.imports.BetaConvention = decode.BetaConvention(o.betaConvention)
	o.imports.Values = decode.ValueKind(o.values)
	for _, word := range o.operators {
		// What is atrous here goes by dilated elsewhere.
		op, err := decode.ParseOperator(strings.Replace(strings.TrimSpace(word), "dil_conv_", "atr_conv_", 1))
		if err != nil {
			return usagef("--operators: %w", err)
		}
		if slices.Contains(o.imports.Operators, op) {
			return usagef("--operators: %s is given twice", op)
		}
		o.imports.Operators = append(o.imports.Operators, op)
	}
	if n := len(o.imports.Operators); n != 0 && n != decode.NumOperators {
		return usagef("--operators: %d operators, want all %d", n, decode.NumOperators)
	}
	return nil
}

// decode reads, decodes, writes and reports.
func (a *app) decode(args []string, o *decodeOptions) error {
	r, err := decode.ImportRelaxation(o.imports, args...)
	var ambiguous *decode.AmbiguousError
	if errors.As(err, &ambiguous) {
		var flags []string
		for _, option := range ambiguous.Options {
			flags = append(flags, "--"+importFlags[option].name+" "+importFlags[option].accepted)
		}
		return usagef("%w (say it with %s)", err, strings.Join(flags, ", "))
	}
	if err != nil {
		return err
	}
	d, err := r.Decode(decode.DecodeOptions{Top: o.top, Name: o.name})
	var field *decode.FieldError
	if errors.As(err, &field) && field.Field == "name" {
		return usagef("--name: %s", field.Problem)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	written, err := o.write(d, r)
	if err != nil {
		return err
	}
	if o.json {
		text, err := jsonText(newDecodeReport(r, d, written))
		if err != nil {
			return err
		}
		_, err = a.stdout.Write(text)
		return err
	}
	if _, err := a.stdout.Write(decodeText(d)); err != nil {
		return err
	}
	for _, path := range written {
		a.printf("wrote %s\n", path)
	}
	return nil
}

// write writes what the flags ask for and returns the paths.
func (o *decodeOptions) write(d *decode.Decoding, r *decode.Relaxation) (written []string, err error) {
	if o.relaxation != "" {
		if err := decode.WriteRelaxation(o.relaxation, r); err != nil {
			return written, err
		}
		written = append(written, o.relaxation)
	}
	if o.out == "" {
		return written, nil
	}
	if !isFolder(o.out) {
		if err := decode.WriteFile(o.out, d.Architecture); err != nil {
			return written, err
		}
		return append(written, o.out), nil
	}
	if err := makeDir(o.out); err != nil {
		return written, err
	}
	digits := len(strconv.Itoa(len(d.Paths)))
	for i := range d.Paths {
		path := filepath.Join(o.out, fmt.Sprintf("path-%0*d.json", digits, i+1))
		if err := decode.WriteFile(path, d.Alternative(i)); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

// isFolder reports whether a path to write to means a folder: there is one, or the path ends as one.
func isFolder(path string) bool {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// decodeText is the report for people.
func decodeText(d *decode.Decoding) []byte {
	var b bytes.Buffer
	b.WriteString(d.Architecture.String())
	b.WriteString("\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "path\tproduct of β\tln\tmargin of ln\tlevels")
	for i, p := range d.Paths {
		fmt.Fprintf(w, "%d\t%.4g\t%s\t%s\t%s\n", i+1, p.Score, decimals(p.LogScore), decimals(p.Margin), strings.Trim(fmt.Sprint(p.Levels), "[]"))
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "edge\toperator\tα\trunner-up\tα\tmargin\tnone\t")
	for i := range d.Edges {
		e := &d.Edges[i]
		kept := "kept"
		if !e.Kept {
			kept = ""
		}
		fmt.Fprintf(w, "block %d from %s\t%s\t%.4f\t%s\t%.4f\t%.4f\t%.4f\t%s\n",
			e.Block, decode.StateName(e.Input), e.Op, e.Strength, e.RunnerUp, e.RunnerUpStrength, e.Margin(), e.None, kept)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "block\tkept\tover\tmargin of α")
	for i, c := range d.Blocks {
		over := "–"
		if c.Dropped >= 0 {
			over = decode.StateName(c.Dropped)
		}
		fmt.Fprintf(w, "block %d\t%s, %s\t%s\t%s\n", i, decode.StateName(c.Inputs[0]), decode.StateName(c.Inputs[1]), over, decimals(c.Margin))
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&b, "\nentropy: α %.4f, β %.4f (0: all is decided, 1: nothing is)\n", d.AlphaEntropy, d.BetaEntropy)
	return trimLines(b.Bytes())
}

// trimLines takes away the padding of last columns.
func trimLines(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i, line := range lines {
		lines[i] = bytes.TrimRight(line, " ")
	}
	return bytes.Join(lines, []byte("\n"))
}

// decimals writes a logarithm or a margin with four decimals, without a minus where those are all 0, and a dash for the
// margin over what there is not.
func decimals(v float64) string {
	if math.IsInf(v, 1) {
		return "–"
	}
	return fmt.Sprintf("%.4f", math.Round(v*1e4)/1e4+0)
}

// decodeReport is what --json prints.
type decodeReport struct {
	Architecture *decode.Architecture `json:"architecture"`
	Paths        []pathReport         `json:"paths"`
	Blocks       []blockReport        `json:"blocks"`
	Edges        []edgeReport         `json:"edges"`
	Entropy      struct {
		Alpha float64 `json:"alpha"`
		Beta  float64 `json:"beta"`
	} `json:"entropy"`
	Info    map[string]string `json:"info"`
	Written []string          `json:"written"`
}

type pathReport struct {
	Levels   []int    `json:"levels"`
	Score    float64  `json:"score"`     // product of β
	LogScore float64  `json:"log_score"` // its natural logarithm
	Margin   *float64 `json:"margin"`    // of log_score over the next path; null where there is none
}

type blockReport struct {
	Inputs  [2]int   `json:"inputs"`  // states, the stronger first
	Dropped *int     `json:"dropped"` // state of the strongest edge not kept; null where there is none
	Margin  *float64 `json:"margin"`  // of α of the weaker input over the dropped one
}

type edgeReport struct {
	Block            int             `json:"block"`
	Input            int             `json:"input"`
	Kept             bool            `json:"kept"`
	Op               decode.Operator `json:"op"`
	Strength         float64         `json:"strength"`
	RunnerUp         decode.Operator `json:"runner_up"`
	RunnerUpStrength float64         `json:"runner_up_strength"`
	Margin           float64         `json:"margin"`
	None             float64         `json:"none"`
}

func newDecodeReport(r *decode.Relaxation, d *decode.Decoding, written []string) *decodeReport {
	out := &decodeReport{Architecture: d.Architecture, Info: r.Info, Written: written}
	if out.Info == nil {
		out.Info = map[string]string{}
	}
	if out.Written == nil {
		out.Written = []string{}
	}
	out.Entropy.Alpha, out.Entropy.Beta = d.AlphaEntropy, d.BetaEntropy
	for _, p := range d.Paths {
		out.Paths = append(out.Paths, pathReport{p.Levels, p.Score, p.LogScore, finite(p.Margin)})
	}
	for _, c := range d.Blocks {
		report := blockReport{Inputs: c.Inputs, Margin: finite(c.Margin)}
		if c.Dropped >= 0 {
			report.Dropped = &c.Dropped
		}
		out.Blocks = append(out.Blocks, report)
	}
	for i := range d.Edges {
		e := &d.Edges[i]
		out.Edges = append(out.Edges, edgeReport{
			e.Block, e.Input, e.Kept, e.Op, e.Strength, e.RunnerUp, e.RunnerUpStrength, e.Margin(), e.None,
		})
	}
	return out
}

// finite is null in JSON where v is not a number that JSON has.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) {
		return nil
	}
	return &v
}
