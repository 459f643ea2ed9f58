package train

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/onnx"
)

// TestInitFrom starts from networks with the same and with another number of classes, as files of both kinds.
func TestInitFrom(t *testing.T) {
	dir := t.TempDir()
	same, other, foreign, folded := filepath.Join(dir, "same.onnx"), filepath.Join(dir, "other.onnx"), filepath.Join(dir, "foreign.onnx"), filepath.Join(dir, "folded.onnx")
	renamed := fakeModel(3, 5)
	for _, p := range renamed.Graph.Initializer {
		p.Name += "x"
	}
	bare := fakeModel(3, 5)
	bare.Graph.Initializer = bare.Graph.Initializer[4:]
	for path, m := range map[string]*onnx.Model{same: fakeModel(3, 5), other: fakeModel(4, 5), foreign: renamed, folded: bare} {
		if err := onnx.Save(path, m, onnx.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	want, err := readWeights(same)
	if err != nil {
		t.Fatal(err)
	}
	trained := filepath.Join(dir, "trained.safetensors")
	source := newFake(t, tinyOptions(), 1)
	runFake(t, source, trained)

	trainer := newFake(t, tinyOptions(), 1)
	before := slices.Clone(trainer.values[0].data)
	left, err := trainer.InitFrom(same)
	if err != nil || left != nil || slices.Equal(before, trainer.values[0].data) {
		t.Errorf("left out %v, %v", left, err)
	}
	if w := want["weight"]; w == nil || !slices.Equal(trainer.average[0], trainer.values[0].data) {
		t.Error("the moving average does not begin with the weights")
	}

	if left, err = trainer.InitFrom(trained); err != nil || left != nil || !slices.Equal(trainer.values[0].data, source.average[0]) {
		t.Errorf("left out %v, %v: want the moving average of the training", left, err)
	}

	// The layer of the classes keeps what it has.
	before = slices.Clone(trainer.values[0].data)
	trainer.values[2].data[0] = 9
	left, err = trainer.InitFrom(other)
	if err != nil || !slices.Equal(left, []string{"weight", "bias"}) || !slices.Equal(trainer.values[0].data, before) || trainer.values[2].data[0] != 0 {
		t.Errorf("left out %v, %v; mean %v", left, err, trainer.values[2].data)
	}

	for _, c := range []struct{ path, want string }{
		{foreign, "none of the network's weights, want a training form"},
		{folded, "it lacks mean and 1 more of the network's 4 tensors"},
		{filepath.Join(dir, "none.onnx"), "no such file"},
		{filepath.Join(dir, "none"), "no such file"},
	} {
		before := slices.Clone(trainer.values[0].data)
		if _, err := trainer.InitFrom(c.path); err == nil || !strings.Contains(err.Error(), c.path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if !slices.Equal(before, trainer.values[0].data) {
			t.Errorf("%s: something was taken", c.path)
		}
	}
}
