package weights_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"autodeeplab/compile"
	"autodeeplab/onnx/tensor"
	"autodeeplab/weights"
	"autodeeplab/weights/checkpoint"
)

// written is a safetensors file of some vectors.
func written(t *testing.T, vectors map[string][]float32) *checkpoint.File {
	t.Helper()
	views := make(map[string]safetensors.TensorView)
	for name, v := range vectors {
		var data []byte
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		view, err := safetensors.NewTensorView(safetensors.F32, []uint64{uint64(len(v))}, data)
		if err != nil {
			t.Fatal(err)
		}
		views[name] = view
	}
	data, err := safetensors.Serialize(views, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func open(t testing.TB, path string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func at(t *testing.T, f *checkpoint.File, name string) int {
	t.Helper()
	i := slices.IndexFunc(f.Tensors, func(t checkpoint.Tensor) bool { return t.Name == name })
	if i < 0 {
		t.Fatalf("no %s", name)
	}
	return i
}

// TestMatchProblems changes one thing in a checkpoint that fits, and looks at what is said of it, and at the option that
// allows it.
func TestMatchProblems(t *testing.T) {
	dir := fixture(t, "own.safetensors.gz")
	m := network(t, "plain.json", 33, 33)
	good := open(t, filepath.Join(dir, "own.safetensors"))
	own, err := weights.Choose(good)
	if err != nil {
		t.Fatal(err)
	}
	const place = "cell1/input0/bn/mean"
	for _, c := range []struct {
		name   string
		change func(f *checkpoint.File)
		o      weights.Options
		want   string // of the error; empty where it fits
		kept   int
	}{
		{"nothing", func(*checkpoint.File) {}, weights.Options{}, "", 0},
		{"missing", func(f *checkpoint.File) { f.Tensors = slices.Delete(f.Tensors, at(t, f, place), at(t, f, place)+1) },
			weights.Options{}, place + ` [2]: the checkpoint has no "` + place + `"`, 0},
		{"missing, allowed", func(f *checkpoint.File) { f.Tensors = slices.Delete(f.Tensors, at(t, f, place), at(t, f, place)+1) },
			weights.Options{AllowMissing: []string{"cell1/input0/*"}}, "", 1},
		{"another one missing than allowed", func(f *checkpoint.File) { f.Tensors = slices.Delete(f.Tensors, at(t, f, place), at(t, f, place)+1) },
			weights.Options{AllowMissing: []string{"cell2/*", "cell1/input0"}}, "has no", 0},
		{"of another shape", func(f *checkpoint.File) { f.Tensors[at(t, f, place)].Shape = []int{1, 2} },
			weights.Options{}, place + ` [2]: "` + place + `" F32[1,2], want [2]`, 0},
		{"of another shape, allowed", func(f *checkpoint.File) { f.Tensors[at(t, f, place)].Shape = []int{1, 2} },
			weights.Options{AllowMissing: []string{place}}, "", 1},
		{"of integers", func(f *checkpoint.File) { f.Tensors[at(t, f, place)].DType = tensor.Int32 },
			weights.Options{}, "holds no floating-point numbers", 0},
		{"left over", func(f *checkpoint.File) {
			f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: "extra", Type: "F32", Shape: []int{7}})
		},
			weights.Options{}, `"extra" F32[7]: the network has no place for it`, 0},
		{"left over, allowed", func(f *checkpoint.File) {
			f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: "extra", Type: "F32", Shape: []int{7}})
		},
			weights.Options{AllowUnused: []string{"ex*"}}, "", 0},
		{"both", func(f *checkpoint.File) { f.Tensors[at(t, f, place)].Name = "else" },
			weights.Options{}, "in 2 places, the first: " + place, 0},
		{"ignored", func(f *checkpoint.File) {
			f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: "stem/conv0/weight/Momentum"})
		},
			weights.Options{}, "", 0},
		{"a name twice", func(f *checkpoint.File) { f.Tensors = append(f.Tensors, f.Tensors[0]) },
			weights.Options{}, "the same name to map autodeeplab", 0},
		{"averages that are not there", func(*checkpoint.File) {}, weights.Options{Average: true},
			`no moving average "stem/conv0/weight/ExponentialMovingAverage"`, 0},
		{"a pattern that is none", func(*checkpoint.File) {}, weights.Options{AllowMissing: []string{"{X}"}}, "braces", 0},
	} {
		f := &checkpoint.File{Format: good.Format, Tensors: slices.Clone(good.Tensors)}
		c.change(f)
		c.o.Map = own
		plan, err := weights.Match(m, f, c.o)
		if err == nil {
			err = plan.Err()
		}
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			if plan != nil {
				if loaded, err := plan.Load(); err == nil || loaded != nil || !errors.Is(err, weights.ErrFit) {
					t.Errorf("%s: loaded, %v", c.name, err)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		loaded, err := plan.Load()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		before, err := compile.Weights(m)
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for i := range plan.Rows {
			r := &plan.Rows[i]
			same := slices.Equal(tensor.Data[float32](loaded[r.Name]), tensor.Data[float32](before[r.Name]))
			if r.Kept() {
				kept++
				if !same || !strings.HasPrefix(r.How, "keeps its initial value: ") {
					t.Errorf("%s: %s was changed, %q", c.name, r.Name, r.How)
				}
			} else if zero := strings.HasPrefix(r.Name, "cell") && strings.HasSuffix(r.Name, "/bn/bias"); same && !zero { // 0 in both
				t.Errorf("%s: %s keeps its initial value", c.name, r.Name)
			}
		}
		if kept != c.kept || len(loaded) != len(before) {
			t.Errorf("%s: %d of %d tensors keep their values, want %d", c.name, kept, len(loaded), c.kept)
		}
	}
}

// TestRefused names what shows another kind of network before all that does not fit because of it.
func TestRefused(t *testing.T) {
	m := network(t, "small.json", 33, 33)
	f := &checkpoint.File{Tensors: []checkpoint.Tensor{
		{Name: "hnasnet/conv0/weights", Shape: []int{3, 3, 3, 64}, DType: tensor.Float32},
		{Name: "decoder/decoder_conv0_depthwise/depthwise_weights", Shape: []int{3, 3, 304, 1}, DType: tensor.Float32},
	}}
	names, err := weights.Choose(f)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := weights.Match(m, f, weights.Options{Map: names})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Err(); !errors.Is(err, weights.ErrFit) || !strings.Contains(err.Error(), "the first: \"decoder/decoder_conv0_depthwise/depthwise_weights\" is of a decoder with separable convolutions") {
		t.Error(err)
	}
	if _, err := weights.Choose(written(t, map[string][]float32{"w": {1}})); err == nil || !strings.Contains(err.Error(), "no map that is built in (autodeeplab, noamrosenberg, tensorflow); --map FILE") {
		t.Error(err)
	}
}

// TestLoadValues makes tensors by a map's arithmetic out of numbers that are worked out here by hand.
func TestLoadValues(t *testing.T) {
	const text = `
		tensor   logits/conv/bias      bias           minus=less
		tensor   cell0/input0/bn/mean  mean
		tensor   cell0/input0/bn/variance  variance
		tensor   cell0/input0/bn/scale     gamma      else=1
		epsilon  0.25                  cell0/input0/bn
	`
	names, err := weights.ParseMap("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m := network(t, "plain.json", 33, 33)
	load := func(vectors map[string][]float32) (map[string]*tensor.Tensor, error) {
		t.Helper()
		plan, err := weights.Match(m, written(t, vectors), weights.Options{Map: names, AllowMissing: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		return plan.Load()
	}
	got, err := load(map[string][]float32{"bias": {1, 2, 3}, "less": {0.5, 0, -1}, "mean": {7, 8}, "variance": {0.5, 2}})
	if err != nil {
		t.Fatal(err)
	}
	scale := func(variance float64) float32 {
		return float32(math.Sqrt((variance + float64(float32(1e-3))) / (variance + 0.25)))
	}
	for name, want := range map[string][]float32{
		"logits/conv/bias": {0.5, 2, 4}, "cell0/input0/bn/mean": {7, 8}, "cell0/input0/bn/variance": {0.5, 2},
		"cell0/input0/bn/scale": {scale(0.5), scale(2)},
	} {
		if v := tensor.Data[float32](got[name]); !slices.Equal(v, want) {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
	}
	for want, vectors := range map[string]map[string][]float32{
		"element 1 is NaN, no weight":    {"bias": {1, float32(math.NaN()), 3}, "less": {0, 0, 0}, "variance": {1, 1}},
		"element 0 is +Inf, no weight":   {"mean": {float32(math.Inf(1)), 3}, "variance": {1, 1}},
		"element 1 is -1, which is no v": {"variance": {1, -1}},
	} {
		if _, err := load(vectors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
