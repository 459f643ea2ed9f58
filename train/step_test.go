package train

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/testenv"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// recorded is a file of testdata that step.py wrote.
type recorded struct {
	Case struct {
		Name, Architecture, Size string
		Filters, Classes, Batch  int
		FreezeBN                 bool      `json:"freeze_bn"`
		BNDecay                  float64   `json:"bn_decay"`
		ClassWeights             []float64 `json:"class_weights"`
		DropPath                 float64   `json:"drop_path"`
		Smoothing, Dropout       float64
	}
	Losses     []float64
	LossError  float64 `json:"loss_error"`
	Parameters map[string][6]float64
	Moments    map[string][3]float64
}

// stepUniform is step.py's uniform.
func stepUniform(name string, n int) []float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	seed := h.Sum64()
	out := make([]float64, n)
	for i := range out {
		x := seed + uint64(i)*0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		out[i] = float64((x^x>>31)>>40) / (1 << 24)
	}
	return out
}

// stepInitial gives normalisations and biases step.py's values.
func stepInitial[T kernel.Float](name string, v []T) {
	scale, least := 0.0, 0.0
	switch last := name[strings.LastIndex(name, "/")+1:]; last {
	case "scale", "variance":
		scale, least = 1, 0.5
	case "bias", "mean":
		scale, least = 0.4, -0.2
	default:
		return
	}
	for i, u := range stepUniform(name, len(v)) {
		v[i] = T(float32(least + scale*u))
	}
}

// probe gives a tensor's norm and its product with numbers drawn by name.
func probe[T kernel.Float](name string, v []T) (norm, product float64) {
	for i, u := range stepUniform(name+"/probe", len(v)) {
		norm += float64(v[i]) * float64(v[i])
		product += float64(v[i]) * (2*u - 1)
	}
	return math.Sqrt(norm), product
}

func (r *recorded) model(t *testing.T) *onnx.Model {
	t.Helper()
	if r.Case.Name == "foreign" {
		m, err := onnx.Load(filepath.Join("testdata", "foreign.onnx"), onnx.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	a := decode.Published()
	if r.Case.Architecture != "" {
		var err error
		if a, err = decode.ReadFile(filepath.Join("testdata", r.Case.Architecture)); err != nil {
			t.Fatal(err)
		}
	}
	h, w := r.size(t)
	m, err := compile.Compile(a, compile.Options{Filters: r.Case.Filters, Classes: r.Case.Classes, Height: h, Width: w, Batch: r.Case.Batch, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (r *recorded) size(t *testing.T) (h, w int) {
	t.Helper()
	if _, err := fmt.Sscanf(r.Case.Size, "%dx%d", &h, &w); err != nil {
		t.Fatal(err)
	}
	return h, w
}

func readRecorded(t *testing.T, path string) *recorded {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := new(recorded)
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestStepEqualsPyTorch holds losses, gradients, updated weights and moving averages of training steps to those of an
// independent implementation in PyTorch. Float64 has to agree with it closely; float32 to 1e-4, or, where rounding is
// amplified, to ten times what PyTorch's own float32 is off, at that tensor or at most of the network's.
func TestStepEqualsPyTorch(t *testing.T) {
	files, err := filepath.Glob("testdata/step-*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		r := readRecorded(t, file)
		var errors []float64
		for _, p := range r.Parameters {
			errors = append(errors, p[4])
		}
		slices.Sort(errors)
		usual := errors[len(errors)/2]
		if testenv.Race && r.Case.Name != "foreign" {
			continue // slow, and nothing that the small network does not have
		}
		t.Run(r.Case.Name+"/float64", func(t *testing.T) {
			t.Parallel()
			checkRecorded[float64](t, r, func(float64) float64 { return 2e-7 })
		})
		t.Run(r.Case.Name+"/float32", func(t *testing.T) {
			t.Parallel()
			checkRecorded[float32](t, r, func(pytorch float64) float64 { return max(1e-4, 10*pytorch, 10*usual) })
		})
	}
}

func checkRecorded[T kernel.Float](t *testing.T, r *recorded, limit func(pytorch float64) float64) {
	h, w := r.size(t)
	o := NetworkOptions{Batch: r.Case.Batch, Height: h, Width: w, Threads: 2, FreezeBN: r.Case.FreezeBN, BNDecay: r.Case.BNDecay,
		Smoothing: r.Case.Smoothing, ClassWeights: r.Case.ClassWeights, Ignore: 255, DropPath: r.Case.DropPath, Dropout: r.Case.Dropout}
	n, err := NewNetwork[T](r.model(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for _, p := range n.Parameters() {
		stepInitial(p.Name, p.Value)
	}
	for _, m := range n.Moments() {
		stepInitial(m.MeanName, m.Mean)
		stepInitial(m.VarianceName, m.Variance)
	}
	size := o.Batch * h * w
	image, labels := make([]T, 3*size), make([]uint8, size)
	for i, u := range stepUniform("image", len(image)) {
		image[i] = T(math.Floor(256 * u))
	}
	ignored := stepUniform("ignore", size)
	for i, u := range stepUniform("labels", size) {
		if labels[i] = uint8(float64(n.Classes()) * u); ignored[i] < 0.1 {
			labels[i] = 255
		}
	}

	worst, failed := 0.0, 0
	near := func(what string, got, want, scale, pytorch float64) {
		e := math.Abs(got-want) / max(scale, 1e-12)
		worst = max(worst, e/limit(pytorch))
		if !(e <= limit(pytorch)) {
			if failed++; failed <= 10 {
				t.Errorf("%s: %.10g, PyTorch has %.10g (error %.2g of %.3g, limit %.2g)", what, got, want, e, scale, limit(pytorch))
			}
		}
	}
	if len(n.Parameters()) != len(r.Parameters) || 2*len(n.Moments()) != len(r.Moments) {
		t.Fatalf("%d parameters and %d moving averages, PyTorch has %d and %d", len(n.Parameters()), 2*len(n.Moments()), len(r.Parameters), len(r.Moments))
	}
	// Where all gradients of a parameter cancel (a kernel or bias right before a normalisation's mean), only rounding is
	// left of them; they are judged by the size of the others.
	typical := 0.0
	for _, p := range r.Parameters {
		typical = max(typical, p[0])
	}
	const rate, momentum, decay = 0.05, 0.9, 4e-3 // as in step.py
	velocity := map[string][]T{}
	for step, want := range r.Losses {
		loss, err := n.Step(image, labels, Random{Seed: 11, Step: step, Steps: len(r.Losses)})
		if err != nil {
			t.Fatal(err)
		}
		near(fmt.Sprintf("loss of step %d", step), loss, want, want, r.LossError)
		for _, p := range n.Parameters() {
			if want := r.Parameters[p.Name]; step == 0 {
				norm, product := probe(p.Name, p.Gradient)
				scale := max(want[0], 1e-6*typical)
				near("norm of the gradient of "+p.Name, norm, want[0], scale, want[4])
				near("gradient of "+p.Name, product, want[1], scale, want[4])
			}
			v := velocity[p.Name]
			if v == nil {
				v = make([]T, len(p.Value))
				velocity[p.Name] = v
			}
			d := T(0)
			if p.Decay {
				d = decay
			}
			for i, g := range p.Gradient {
				v[i] = momentum*v[i] + g + d*p.Value[i]
				p.Value[i] -= rate * v[i]
			}
			clear(p.Gradient)
		}
	}
	for _, p := range n.Parameters() {
		want := r.Parameters[p.Name]
		norm, product := probe(p.Name, p.Value)
		near("norm of "+p.Name, norm, want[2], want[2], want[5])
		near(p.Name, product, want[3], want[2], want[5])
	}
	moments := map[string][]T{}
	for _, m := range n.Moments() {
		moments[m.MeanName], moments[m.VarianceName] = m.Mean, m.Variance
	}
	for name, want := range r.Moments {
		norm, product := probe(name, moments[name])
		near("norm of "+name, norm, want[0], want[0], want[2])
		near(name, product, want[1], want[0], want[2])
	}
	t.Logf("the largest error is %.2g of its limit", worst)

	// The model holds what was learnt.
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	initial := onnx.Initializers(m.GetGraph())
	for _, p := range n.Parameters() {
		v, err := onnx.Decode(initial[p.Name])
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range tensor.Data[float32](v) {
			if x != float32(p.Value[i]) {
				t.Fatalf("%s in the model differs at %d: %v, want %v", p.Name, i, x, p.Value[i])
			}
		}
	}
}
