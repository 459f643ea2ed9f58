package compile_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

func mustCompile(t testing.TB, o compile.Options) *onnx.Model {
	t.Helper()
	m, err := compile.Compile(decode.Published(), o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPublishedCounts holds the counts of the specification, §4 "Counts, checked", to the digits that it gives.
//
// For S its table says 10,146,947 parameters, but its own list of parts (TestPartsOfS) adds up to 10,147,427. The rule
// gives the latter, part by part, and the totals of M and L; so the total of the table is taken for a slip.
func TestPublishedCounts(t *testing.T) {
	for _, test := range []struct {
		size       string
		params     string // millions
		even, odd  string // billions of multiply-adds at 1024×2048 and 1025×2049
		exactTotal int64  // where the specification's parts give it
	}{
		{"S", "10.15", "315.14", "320.45", 10147427},
		{"M", "21.622", "431.00", "439.92", 0},
		{"L", "44.425", "647.08", "662.42", 0},
	} {
		size, err := compile.SizeByName(test.size)
		if err != nil {
			t.Fatal(err)
		}
		m := mustCompile(t, compile.Options{Filters: size.Filters, Classes: 19})
		for _, at := range []struct {
			height, width int
			want          string
		}{{1024, 2048, test.even}, {1025, 2049, test.odd}} {
			s, err := compile.Summarize(m, map[string]op.Info{"image": op.Of(tensor.Float32, 1, 3, at.height, at.width)})
			if err != nil {
				t.Fatal(err)
			}
			digits := len(test.params) - strings.Index(test.params, ".") - 1
			params, macs := fmt.Sprintf("%.*f", digits, float64(s.Total.Params)/1e6), fmt.Sprintf("%.2f", float64(s.Total.MACs)/1e9)
			t.Logf("%s at %d×%d: %d parameters, %d multiply-adds", test.size, at.height, at.width, s.Total.Params, s.Total.MACs)
			if params != test.params || macs != at.want || test.exactTotal != 0 && s.Total.Params != test.exactTotal {
				t.Errorf("%s at %d×%d: %d parameters (%s M) and %s B multiply-adds, want %s and %s", test.size, at.height, at.width, s.Total.Params, params, macs, test.params, at.want)
			}
		}
	}
}

// TestPartsOfS holds the specification's list for S at 1024×2048: parameters, and multiply-adds in millions.
func TestPartsOfS(t *testing.T) {
	want := []struct {
		name   string
		params int64
		macs   int64
	}{
		{"stem", 112832, 29897}, {"cell0", 38240, 4913}, {"cell1", 38960, 5007}, {"cell2", 38400, 4934},
		{"cell3", 135200, 5167}, {"cell4", 512000, 4759}, {"cell5", 151200, 4847}, {"cell6", 536000, 5527},
		{"cell7", 536000, 4366}, {"cell8", 2038400, 4949}, {"cell9", 2102400, 4293}, {"cell10", 616000, 4904},
		{"cell11", 175200, 5493}, {"aspp", 1815552, 55701}, {"decoder", 1296160, 169743}, {"logits", 4883, 638},
	}
	training := mustCompile(t, compile.Options{Filters: 20, Classes: 19, Height: 1024, Width: 2048, Batch: 1})
	s, err := compile.Summarize(training, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(s.Rows), len(want))
	}
	for i, w := range want {
		if r := s.Rows[i]; r.Name != w.name || r.Params != w.params || (r.MACs+500_000)/1_000_000 != w.macs {
			t.Errorf("row %d is %+v, want %+v", i, r, w)
		}
	}

	// In the inference form only the scale of each batch normalisation is gone: one parameter a channel.
	scales := make(map[string]int64)
	for _, p := range training.Graph.Initializer {
		if strings.HasSuffix(p.Name, "/bn/scale") {
			part, _, _ := strings.Cut(p.Name, "/")
			scales[part] += p.Dims[0]
		}
	}
	folded, err := compile.Summarize(must(compile.Inference(training)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(folded.Rows) != len(want) {
		t.Fatalf("%d rows in the inference form, want %d", len(folded.Rows), len(want))
	}
	for i, r := range folded.Rows {
		of := s.Rows[i]
		if r.Name != of.Name || r.MACs != of.MACs || r.Stride != of.Stride || r.Channels != of.Channels || r.Params != of.Params-scales[r.Name] || r.Bytes > of.Bytes {
			t.Errorf("inference form: %+v, of %+v with %d scales", r, of, scales[r.Name])
		}
	}
}

// TestSummaryOfDynamicModel gives sizes to the axes of a model that has none, and counts the same. At multiples of 32
// no resize of the dynamic form is to the same size, so that the fixed one has them all.
func TestSummaryOfDynamicModel(t *testing.T) {
	o := compile.Options{Filters: 4, Classes: 5, Height: 64, Width: 96, Batch: 1}
	fixed, err := compile.Summarize(mustCompile(t, o), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Height, o.Width, o.Batch = 0, 0, 0
	m := mustCompile(t, o)
	if _, err := compile.Summarize(m, nil); err == nil || !strings.Contains(err.Error(), "--input-size") {
		t.Errorf("without sizes: %v", err)
	}
	dynamic, err := compile.Summarize(m, map[string]op.Info{"image": op.Of(tensor.Float32, 1, 3, 64, 96)})
	if err != nil {
		t.Fatal(err)
	}
	if dynamic.Total != fixed.Total || !slices.Equal(dynamic.Rows, fixed.Rows) {
		t.Errorf("dynamic\n%v\nfixed\n%v", dynamic, fixed)
	}
}

// TestSameBytes pins the bytes of the S network: the same seed must give the same file on every machine, and a change
// of them is a change of every user's weights.
func TestSameBytes(t *testing.T) {
	const want = "0da11cfe87c2e941c2c1f3bc818acd6c409e7662acda5f8c53a538d219b93da3"
	o := compile.Options{Filters: 20, Classes: 19, Height: 513, Width: 513, Batch: 1, Seed: 1}
	var sums [2]string
	for i := range sums {
		data, err := onnx.Marshal(mustCompile(t, o))
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	if sums[0] != sums[1] || sums[0] != want {
		t.Errorf("sha256 %v, want %s", sums, want)
	}
	o.Seed = 2
	if data, err := onnx.Marshal(mustCompile(t, o)); err != nil || fmt.Sprintf("%x", sha256.Sum256(data)) == want {
		t.Errorf("another seed gives the same bytes (%v)", err)
	}
}

// TestInitialisation checks the distributions of specification §4.7 by their bounds and variances.
func TestInitialisation(t *testing.T) {
	m := mustCompile(t, compile.Options{Filters: 20, Classes: 150, Height: 65, Width: 65, Batch: 1, Seed: 5})
	inits := onnx.Initializers(m.Graph)
	for _, test := range []struct {
		name      string
		bound     float64
		deviation float64
	}{
		{"stem/conv1/weight", math.Sqrt(1.0 / (64 * 9)), math.Sqrt(1.0 / (64 * 9) / 3)},
		{"cell8/block0/branch0/atr_conv_5x5/weight", math.Sqrt(1.0 / (160 * 25)), math.Sqrt(1.0 / (160 * 25) / 3)},
		{"cell8/block0/branch1/sep_conv_3x3/depthwise0/weight", math.Sqrt(1.0 / 9), math.Sqrt(1.0 / 9 / 3)},
		{"decoder/conv0/weight", math.Sqrt(6.0 / (9 * (256 + 304))), math.Sqrt(2.0 / (9 * (256 + 304)))},
		{"logits/conv/weight", 0.02, 0.01 * 0.8796}, // a normal distribution cut at 2σ has a deviation of 0.8796 σ
	} {
		w, err := onnx.Decode(inits[test.name])
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		var sum, squares, most float64
		for _, v := range tensor.Data[float32](w) {
			sum += float64(v)
			squares += float64(v) * float64(v)
			most = max(most, math.Abs(float64(v)))
		}
		n := float64(w.NumElems())
		deviation := math.Sqrt(squares/n - sum/n*sum/n)
		if most > test.bound*(1+1e-6) || most < 0.9*test.bound || math.Abs(deviation/test.deviation-1) > 0.05 || math.Abs(sum/n) > 4*deviation/math.Sqrt(n) {
			t.Errorf("%s: largest %.4g (bound %.4g), deviation %.4g (want %.4g), mean %.2g over %v", test.name, most, test.bound, deviation, test.deviation, sum/n, n)
		}
	}
	for _, v := range tensor.Data[float32](must(onnx.Decode(inits["logits/conv/bias"]))) {
		if v != 0 {
			t.Fatal("the logits' bias is not 0")
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestChecker holds that whatever is compiled has no findings, after each pass, over sizes odd and even, fixed and
// dynamic, over opsets, and for other architectures.
func TestChecker(t *testing.T) {
	pools := &decode.Architecture{Name: "pools and skips", Path: []int{1, 2, 3, 2, 3, 3}, Cell: []decode.Block{
		{{Input: 0, Op: decode.MaxPool3x3}, {Input: 1, Op: decode.SkipConnect}},
		{{Input: 0, Op: decode.SkipConnect}, {Input: 2, Op: decode.AvgPool3x3}},
		{{Input: 1, Op: decode.AtrConv3x3}, {Input: 3, Op: decode.SkipConnect}},
	}}
	flat := &decode.Architecture{Name: "flat", Path: []int{0, 0}, Cell: []decode.Block{{{Input: 0, Op: decode.SkipConnect}, {Input: 0, Op: decode.SkipConnect}}}}
	for _, a := range []*decode.Architecture{decode.Published(), pools, flat} {
		for _, hw := range [][2]int{{513, 513}, {512, 1024}, {321, 577}, {70, 33}, {0, 0}, {0, 513}} {
			opsets := []int{17}
			if hw[0] < 100 { // the small and the dynamic ones are quick to check
				opsets = []int{11, 13, 17, 26}
			}
			for _, opset := range opsets {
				m, err := compile.Compile(a, compile.Options{Filters: 2, Classes: 3, Height: hw[0], Width: hw[1], Batch: hw[0] % 2, Opset: opset})
				if err != nil {
					t.Fatal(err)
				}
				clean := func(when string, m *onnx.Model) error {
					if f := check.Model(m, check.Options{}); len(f) > 0 {
						return fmt.Errorf("%s, %d×%d, opset %d, %s: %v", a.Name, hw[0], hw[1], opset, when, f[0])
					}
					return nil
				}
				if err := clean("training form", m); err != nil {
					t.Fatal(err)
				}
				if err := pass.Run(pass.Copy(m), pass.Inference, clean); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestInferenceForm(t *testing.T) {
	m := mustCompile(t, compile.Options{Filters: 2, Classes: 3, Height: 65, Width: 65, Batch: 1, Dataset: "x", ClassNames: []string{"a", "b", "c"}})
	before := must(onnx.Marshal(m))
	inference, err := compile.Inference(m)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, must(onnx.Marshal(m))) {
		t.Error("the training form has been changed")
	}
	for _, n := range inference.Graph.Node {
		if n.OpType == "BatchNormalization" || n.OpType == "Identity" {
			t.Errorf("%s is left", n.Name)
		}
	}
	meta := onnx.Metadata(inference)
	if meta[compile.KeyForm] != "inference" || meta[compile.KeyDataset] != "x" || meta[compile.KeyClassNames] != `["a","b","c"]` {
		t.Errorf("metadata %v", meta)
	}
	a, err := compile.Architecture(inference)
	if err != nil || !a.Equal(decode.Published()) {
		t.Errorf("the architecture in the metadata: %v, %v", a, err)
	}
	if _, err := compile.Weights(inference); !errors.Is(err, compile.ErrWeights) {
		t.Errorf("weights of an inference form: %v", err)
	}
}

// TestWeights takes the weights of one network for another input size, and refuses what does not fit exactly.
func TestWeights(t *testing.T) {
	o := compile.Options{Filters: 2, Classes: 3, Height: 65, Width: 65, Batch: 1, Seed: 9}
	m := mustCompile(t, o)
	w, err := compile.Weights(m)
	if err != nil {
		t.Fatal(err)
	}
	o.Height, o.Width, o.Seed, o.Weights = 97, 33, 0, w
	other, err := compile.Compile(decode.Published(), o)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range w {
		if p := onnx.Initializers(other.Graph)[name]; p == nil || !slices.Equal(tensor.Data[float32](must(onnx.Decode(p))), tensor.Data[float32](want)) {
			t.Fatalf("%s differs", name)
		}
	}
	if _, ok := onnx.Metadata(other)[compile.KeySeed]; ok {
		t.Error("a network with given weights names a seed")
	}
	o.Classes = 4
	if _, err := compile.Compile(decode.Published(), o); !errors.Is(err, compile.ErrWeights) || !strings.Contains(err.Error(), `"logits/conv/weight" is float[3,256,1,1], want float[4,256,1,1]`) {
		t.Errorf("another number of classes: %v", err)
	}
	o.Classes = 3
	delete(w, "cell3/block1/branch0/sep_conv_3x3/pointwise0/bn/mean")
	if _, err := compile.Compile(decode.Published(), o); !errors.Is(err, compile.ErrWeights) || !strings.Contains(err.Error(), "pointwise0/bn/mean") {
		t.Errorf("a missing tensor: %v", err)
	}
	w = must(compile.Weights(m))
	w["cell99/weight"] = tensor.Of([]float32{1}, 1)
	o.Weights = w
	if _, err := compile.Compile(decode.Published(), o); !errors.Is(err, compile.ErrWeights) || !strings.Contains(err.Error(), "cell99/weight") {
		t.Errorf("a tensor too many: %v", err)
	}
}

func TestOptionErrors(t *testing.T) {
	good := compile.Options{Filters: 2, Classes: 3, Height: 65, Width: 65, Batch: 1}
	for _, test := range []struct {
		change func(*compile.Options)
		want   string
	}{
		{func(o *compile.Options) { o.Filters = 0 }, "--filters"},
		{func(o *compile.Options) { o.Filters = 1 << 40 }, "--filters"},
		{func(o *compile.Options) { o.Filters = 4096 }, "weights, want at most 2147483648 (--filters, --classes)"},
		{func(o *compile.Options) { o.Classes = -1 }, "--classes"},
		{func(o *compile.Options) { o.Height = 32 }, "input height 32, want 33 to 65536"},
		{func(o *compile.Options) { o.Width = 1 << 62 }, "--input-size"},
		{func(o *compile.Options) { o.Batch = -3 }, "--batch"},
		{func(o *compile.Options) { o.Opset = 10 }, "opset 10, want 11 to 26 (--opset)"},
		{func(o *compile.Options) { o.Opset = 27 }, "--opset"},
		{func(o *compile.Options) { o.Form = 7 }, "--form"},
		{func(o *compile.Options) { o.ClassNames = []string{"a"} }, "1 class names for 3 classes"},
		{func(o *compile.Options) { o.Palette = make([]color.RGBA, 5) }, "5 colours for 3 classes"},
	} {
		o := good
		test.change(&o)
		if _, err := compile.Compile(decode.Published(), o); !errors.Is(err, compile.ErrOptions) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want one that says %q", err, test.want)
		}
	}
	bad := decode.Published()
	bad.Path[3] = 3
	var field *decode.FieldError
	if _, err := compile.Compile(bad, good); !errors.As(err, &field) {
		t.Errorf("an invalid architecture: %v", err)
	}
}

func TestStatisticsErrors(t *testing.T) {
	m := mustCompile(t, compile.Options{Filters: 2, Classes: 3, Height: 65, Width: 65, Batch: 1, Opset: 13})
	if _, err := compile.StatisticsModel(m); !errors.Is(err, compile.ErrStatistics) || !strings.Contains(err.Error(), "--opset") {
		t.Errorf("opset 13: %v", err)
	}
	m = mustCompile(t, compile.Options{Filters: 2, Classes: 3, Height: 65, Width: 65, Batch: 1, Form: compile.InferenceForm})
	if _, err := compile.StatisticsModel(m); !errors.Is(err, compile.ErrStatistics) || !strings.Contains(err.Error(), "--form training") {
		t.Errorf("inference form: %v", err)
	}
	for name, v := range map[string]*tensor.Tensor{"nowhere": tensor.Of([]float32{1}, 1), "stem/conv0/weight": tensor.Of([]float32{1}, 1)} {
		if err := compile.SetStatistics(m, map[string]*tensor.Tensor{name: v}); !errors.Is(err, compile.ErrStatistics) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkCompileL(b *testing.B) {
	for range b.N {
		mustCompile(b, compile.Options{Filters: 48, Classes: 19, Height: 513, Width: 513, Batch: 1, Form: compile.InferenceForm})
	}
}

func ExampleCompile() {
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: 20, Classes: 19, Height: 513, Width: 513, Batch: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := compile.Summarize(m, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.2f M parameters, %.1f B multiply-adds\n", s.Input, float64(s.Total.Params)/1e6, float64(s.Total.MACs)/1e9)
	// Output: image float[1,3,513,513]: 10.15 M parameters, 40.7 B multiply-adds
}
