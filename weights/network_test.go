package weights_test

import (
	"compress/gzip"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/weights"
	"autodeeplab/weights/checkpoint"
)

// fixture is a whole network that testdata/network.py wrote; its files are unpacked into a folder.
func fixture(t testing.TB, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if plain, packed := strings.CutSuffix(name, ".gz"); packed && err == nil {
			var f *os.File
			if f, err = os.Open(filepath.Join("testdata", name)); err == nil {
				var z *gzip.Reader
				if z, err = gzip.NewReader(f); err == nil {
					data, err = io.ReadAll(z)
				}
				f.Close()
			}
			name = plain
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// arrays reads a .npz of float32.
func arrays(t *testing.T, path string) map[string]*tensor.Tensor {
	t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := make(map[string]*tensor.Tensor)
	for i := range f.Tensors {
		v, err := checkpoint.Load[float32](&f.Tensors[i])
		if err != nil {
			t.Fatal(err)
		}
		out[f.Tensors[i].Name] = tensor.Of(v, f.Tensors[i].Shape...)
	}
	return out
}

const (
	classes = 3
	filters = 2
)

// network is the training form of an architecture of testdata, for the fixtures' picture.
func network(t testing.TB, arch string, height, width int) *onnx.Model {
	t.Helper()
	a, err := decode.ReadFile(filepath.Join("testdata", arch))
	if err != nil {
		t.Fatal(err)
	}
	m, err := compile.Compile(a, compile.Options{Filters: filters, Classes: classes, Height: height, Width: width, Batch: 1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// logits runs a network in the embedded runtime.
func logits(t *testing.T, m *onnx.Model, image *tensor.Tensor) []float32 {
	t.Helper()
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"image": image})
	if err != nil {
		t.Fatal(err)
	}
	return tensor.Data[float32](out["logits"])
}

// TestNetworks imports whole networks in every format and compares their logits with those that TensorFlow and PyTorch
// computed: within 1e-4 of their range.
func TestNetworks(t *testing.T) {
	tensorFlow := []string{"tensorflow.ckpt.index", "tensorflow.ckpt.data-00000-of-00001.gz"}
	for _, c := range []struct {
		files   []string
		path    string
		arch    string
		names   string // of the map
		average bool
		outputs string
		want    string
		left    int
	}{
		{tensorFlow, "tensorflow.ckpt", "small.json", "tensorflow", false, "tensorflow_logits.npz", "logits", 0},
		{tensorFlow, "tensorflow.ckpt", "small.json", "tensorflow", true, "tensorflow_logits.npz", "averaged", 0},
		{[]string{"torch.pth.gz"}, "torch.pth", "plain.json", "noamrosenberg", false, "torch_logits.npz", "logits", 0},
		{[]string{"torch_legacy.pth.gz"}, "torch_legacy.pth", "plain.json", "noamrosenberg", false, "torch_logits.npz", "logits", 0},
		{[]string{"own.safetensors.gz"}, "own.safetensors", "plain.json", "autodeeplab", false, "torch_logits.npz", "logits", 0},
		{[]string{"own.npz"}, "own.npz", "plain.json", "autodeeplab", false, "torch_logits.npz", "logits", 0},
	} {
		if testing.Short() && (c.average || c.path != "tensorflow.ckpt" && c.path != "torch.pth") {
			continue
		}
		dir := fixture(t, c.files...)
		f, err := checkpoint.Open(filepath.Join(dir, c.path))
		if err != nil {
			t.Error(err)
			continue
		}
		reference := arrays(t, filepath.Join("testdata", c.outputs))
		image, want := reference["image"], reference[c.want]
		m := network(t, c.arch, image.Shape[2], image.Shape[3])
		names, err := weights.Choose(f)
		if err != nil || names.Name != c.names {
			t.Errorf("%s: map %v, %v", c.path, names, err)
			continue
		}
		a, err := compile.Architecture(m)
		if err != nil {
			t.Fatal(err)
		}
		o := weights.Options{Map: names, Average: c.average}
		if f, k, err := weights.Sizes(a, f, o); err != nil || f != filters || k != classes {
			t.Errorf("%s: %d filters, %d classes, %v", c.path, f, k, err)
		}
		plan, err := weights.Match(m, f, o)
		if err != nil {
			t.Error(err)
			continue
		}
		loaded, err := plan.Load()
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if err := compile.SetWeights(m, loaded); err != nil {
			t.Fatal(err)
		}
		forms := map[string]*onnx.Model{"training": m}
		if !testing.Short() {
			if forms["inference"], err = compile.Inference(m); err != nil {
				t.Fatal(err)
			}
		}
		for form, model := range forms {
			got := logits(t, model, image)
			low, high, worst := math.Inf(1), math.Inf(-1), 0.0
			for i, w := range tensor.Data[float32](want) {
				low, high = min(low, float64(w)), max(high, float64(w))
				worst = max(worst, math.Abs(float64(got[i]-w)))
			}
			t.Logf("%s, averages %v, %s form: max |Δ| %.1e over a range of %.3g", c.path, c.average, form, worst, high-low)
			if !(worst <= 1e-4*(high-low)) || high-low < 0.1 {
				t.Errorf("%s, averages %v, %s form: logits %g apart, of a range of %g", c.path, c.average, form, worst, high-low)
			}
		}
	}
}
