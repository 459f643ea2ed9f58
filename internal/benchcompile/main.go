// Command benchcompile times ONNX Runtime on the graphs that the compiler writes and on plain exports of the same
// network, in turns on the same machine; scripts/bench-compile runs it.
//
// The plain graph is what an exporter writes of a PyTorch module: our training form, with BatchNormalization nodes (ONNX
// Runtime folds them itself, as its other optimisations are all on), normalisation as x·2/255 − 1, the pooled branch
// spread to full size, every change of size a Resize, and for the other forms the obvious nodes around it: Cast and
// Transpose of the bytes before, ArgMax over axis 1 behind, whose int64 labels a Cast makes uint8. No pass has run.
//
// The rows of other precisions compare with our own float32 in its fastest form, not with the plain graph. upsampled-conv
// is for float32 alone.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/compile/precision"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// form is a row of the table.
type form struct {
	name          string
	bytes, labels bool
	// kind is what ours computes in; where that is not float32, the other column is not plain but ours in float32.
	kind precision.Kind
}

var forms = []form{
	{"float", false, false, precision.Float32}, {"labels", false, true, precision.Float32}, {"uint8-labels", true, true, precision.Float32},
	{"fp16", false, false, precision.Float16}, {"int8", false, false, precision.Int8}, {"int8 uint8-labels", true, true, precision.Int8},
}

func main() {
	model := flag.String("model", "", "the network: a training form of a square, fixed size, with its batch statistics")
	threads := flag.String("threads", "1,2", "numbers of threads")
	rounds := flag.Int("rounds", 9, "rounds, in each of which each graph runs once")
	with := flag.String("with-pass", "upsampled-conv,channels-last-labels", "opt-in passes of ours, with commas between")
	skip := flag.String("skip-pass", "", "passes that ours leaves away, with commas between")
	embedded := flag.Bool("embedded", false, "time the embedded runtime in place of ONNX Runtime")
	only := flag.String("only", "", "rows whose names begin so, as int8")
	save := flag.String("save", "", "write the graphs into this folder and stop")
	flag.Parse()
	list := func(text string) []string { return strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) }
	passes := compile.PassOptions{With: list(*with), Skip: list(*skip)}
	if err := run(*model, *threads, *rounds, passes, *embedded, *save, *only); err != nil {
		fmt.Fprintln(os.Stderr, "benchcompile:", err)
		os.Exit(1)
	}
}

func run(path, threads string, rounds int, passes compile.PassOptions, embedded bool, save, only string) error {
	training, err := onnx.Load(path, onnx.LoadOptions{})
	if err != nil {
		return err
	}
	_, size, err := compile.ReadOptions(training)
	if err != nil {
		return err
	}
	side := size.Height
	var pairs [][2]*onnx.Model
	for _, f := range forms {
		if only != "" && !strings.HasPrefix(f.name, only) {
			pairs = append(pairs, [2]*onnx.Model{})
			continue
		}
		ours, err := deploy(training, f, passes)
		if err != nil {
			return err
		}
		other := plain(training, f, side)
		if f.kind != precision.Float32 {
			other = ours
			small := passes
			small.With = slices.DeleteFunc(slices.Clone(passes.With), func(p string) bool { return p == "upsampled-conv" })
			if ours, err = deploy(training, f, small); err != nil {
				return err
			}
			if ours, _, err = precision.Convert(context.Background(), ours, precision.Options{Kind: f.kind, Pictures: pictures{picture(f, side)}}); err != nil {
				return err
			}
		}
		pairs = append(pairs, [2]*onnx.Model{other, ours})
		if save != "" {
			for i, m := range pairs[len(pairs)-1] {
				if err := onnx.Save(filepath.Join(save, strings.ReplaceAll(f.name, " ", "-")+[]string{"-plain", "-ours"}[i]+".onnx"), m, onnx.SaveOptions{}); err != nil {
					return err
				}
			}
		}
	}
	if save != "" {
		return nil
	}
	engine, title := runtime.Embedded, "embedded runtime"
	if !embedded {
		if engine, err = onnxruntime.New(); err != nil {
			return err
		}
		title = "ONNX Runtime " + onnxruntime.Version
	}
	fmt.Printf("%s, %d filters at %d×%d, milliseconds: medians of %d runs, in turns\n\n", title, size.Filters, side, side, rounds)
	fmt.Println("| form | threads | plain, or our float | ours | ratio, median of the rounds |\n|---|---|---|---|---|")
	for i, f := range forms {
		if pairs[i][1] == nil {
			continue
		}
		for _, text := range strings.Split(threads, ",") {
			n, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			if err := measure(engine, f, pairs[i], n, rounds, side); err != nil {
				return err
			}
		}
	}
	return nil
}

// deploy gives our form of float32.
func deploy(training *onnx.Model, f form, passes compile.PassOptions) (*onnx.Model, error) {
	o := compile.DeployOptions{Passes: passes}
	if f.labels {
		o.Output = compile.OutputLabels
	}
	if f.bytes {
		o.Input = compile.InputUint8
	}
	return compile.Deploy(training, o)
}

// picture is what the networks run on.
func picture(f form, side int) *tensor.Tensor {
	if f.bytes {
		data := make([]uint8, 3*side*side)
		for i := range data {
			data[i] = uint8(i * 7)
		}
		return tensor.Of(data, 1, side, side, 3)
	}
	data := make([]float32, 3*side*side)
	for i := range data {
		data[i] = float32(uint8(i * 7))
	}
	return tensor.Of(data, 1, 3, side, side)
}

// pictures calibrate: what values they give does not matter here, as long as none die out.
type pictures []*tensor.Tensor

func (p pictures) Len() int                         { return len(p) }
func (p pictures) At(i int) (*tensor.Tensor, error) { return p[i], nil }

// plain is the training form with the obvious nodes of the form around it.
func plain(training *onnx.Model, f form, side int) *onnx.Model {
	m := pass.Copy(training)
	g := m.Graph
	if f.bytes {
		g.Input = []*onnx.ValueInfo{onnx.NewValueInfo("bytes", tensor.Uint8, dims(1, side, side, 3))}
		g.Node = append([]*onnx.Node{
			onnx.NewNode("Transpose", "transpose", []string{"bytes"}, []string{"planes"}, onnx.AttrInts("perm", 0, 3, 1, 2)),
			onnx.NewNode("Cast", "cast", []string{"planes"}, []string{"image"}, onnx.AttrInt("to", int(tensor.Float32))),
		}, g.Node...)
	}
	if f.labels {
		g.Node = append(g.Node,
			onnx.NewNode("ArgMax", "argmax", []string{"logits"}, []string{"classes"}, onnx.AttrInt("axis", 1), onnx.AttrInt("keepdims", 0)),
			onnx.NewNode("Cast", "labels", []string{"classes"}, []string{"labels"}, onnx.AttrInt("to", int(tensor.Uint8))))
		g.Output = []*onnx.ValueInfo{onnx.NewValueInfo("labels", tensor.Uint8, dims(1, side, side))}
	}
	return m
}

func dims(sizes ...int) []*onnx.Dim {
	var out []*onnx.Dim
	for _, n := range sizes {
		out = append(out, onnx.FixedDim(n))
	}
	return out
}

// measure prints a row: each round runs both graphs, and every other round the other one first.
func measure(e runtime.Engine, f form, pair [2]*onnx.Model, threads, rounds, side int) error {
	var sessions [2]runtime.Session
	for i, m := range pair {
		s, err := e.LoadModel(m, runtime.Options{Threads: threads})
		if err != nil {
			return err
		}
		defer s.Close()
		sessions[i] = s
	}
	input := picture(f, side)
	var times [2][]float64
	var ratios []float64
	for round := -1; round < rounds; round++ { // the first warms up
		var took [2]float64
		for k := range 2 {
			i := (k + round + 2) % 2
			start := time.Now()
			if _, err := sessions[i].Run(context.Background(), map[string]*tensor.Tensor{sessions[i].Inputs()[0].Name: input}); err != nil {
				return err
			}
			took[i] = time.Since(start).Seconds() * 1e3
		}
		if round >= 0 {
			times[0], times[1], ratios = append(times[0], took[0]), append(times[1], took[1]), append(ratios, took[0]/took[1])
		}
	}
	fmt.Printf("| %s | %d | %.1f | %.1f | %.3f |\n", f.name, threads, median(times[0]), median(times[1]), median(ratios))
	return nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
