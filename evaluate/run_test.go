package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// argmaxOfRGB is a network whose classes are the channels of the picture.
func argmaxOfRGB() *onnx.Model {
	dims := []*onnx.Dim{onnx.FixedDim(1), onnx.FixedDim(3), onnx.NamedDim("h"), onnx.NamedDim("w")}
	return &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: &onnx.Graph{
		Name: "rgb", Node: []*onnx.Node{onnx.NewNode("Relu", "relu", []string{"image"}, []string{"logits"})},
		Input:  []*onnx.ValueInfo{onnx.NewValueInfo("image", tensor.Float32, dims)},
		Output: []*onnx.ValueInfo{onnx.NewValueInfo("logits", tensor.Float32, dims)},
	}}
}

// rgbSet writes a set of layout plain with three pictures, of sizes of their own, for argmaxOfRGB: of each, all pixels but
// those of column 0 are predicted right; the last row is ignored.
func rgbSet(t testing.TB) *dataset.Set {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "classes.json"), []byte(`{"classes": ["red", "green", "blue"]}`))
	for _, split := range []string{"train", "val"} {
		for i := range 3 {
			w, h := 6+i, 5+2*i
			photo, truth := image.NewRGBA(image.Rect(0, 0, w, h)), image.NewGray(image.Rect(0, 0, w, h))
			for y := range h {
				for x := range w {
					class := (x/2 + y/3) % 2 // blue never
					photo.SetRGBA(x, y, [...]color.RGBA{{200, 100, 50, 255}, {90, 120, 60, 255}}[class])
					switch {
					case y == h-1:
						class = 255
					case x == 0:
						class = 1 - class
					}
					truth.SetGray(x, y, color.Gray{Y: uint8(class)})
				}
			}
			name := fmt.Sprintf("%c.png", 'a'+i)
			writePNG(t, filepath.Join(dir, "images", split, name), photo)
			writePNG(t, filepath.Join(dir, "labels", split, name), truth)
		}
	}
	set, err := dataset.Open(dir, "plain")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func writePNG(t testing.TB, path string, m image.Image) {
	t.Helper()
	var b strings.Builder
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, []byte(b.String()))
}

// TestRun counts by hand: of the pictures of 6×5, 7×7 and 8×9 pixels, (4 + 6 + 8) rows count, of which one column of each
// is wrong.
func TestRun(t *testing.T) {
	set := rgbSet(t)
	var seen []string
	progress := 0
	r, err := evaluate.Run(context.Background(), open(t, argmaxOfRGB()), set, set.Val, evaluate.Options{
		BoundaryTolerance: evaluate.DefaultBoundaryTolerance, Threads: 2,
		Progress: func(done, all int) {
			if progress++; done != progress || all != 3 {
				t.Errorf("progress %d of %d", done, all)
			}
		},
		Each: func(s dataset.Sample, m *imageio.Mask) error {
			seen = append(seen, fmt.Sprintf("%s %dx%d", s.Name, m.Width, m.Height))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a 6x5", "b 7x7", "c 8x9"}; !slices.Equal(seen, want) || progress != 3 || r.Images != 3 {
		t.Errorf("%v were seen, want %v; %+v", seen, want, r)
	}
	const wrong, all = 4 + 6 + 8, 4*6 + 6*7 + 8*8
	if want := 1 - float64(wrong)/all; math.Abs(r.PixelAccuracy-want) > 1e-12 {
		t.Errorf("pixel accuracy %v, want %v", r.PixelAccuracy, want)
	}
	if !slices.Equal(r.Absent, []int{2}) || !math.IsNaN(r.IoU[2]) || math.Abs(r.MIoU-(r.IoU[0]+r.IoU[1])/2) > 1e-12 {
		t.Errorf("%+v", r)
	}
	if len(r.BoundaryF) != 3 || !(r.BoundaryF[0] > 0.3 && r.BoundaryF[0] < 1) || !math.IsNaN(r.BoundaryF[2]) || math.Abs(r.MeanBoundaryF-(r.BoundaryF[0]+r.BoundaryF[1])/2) > 1e-12 {
		t.Errorf("boundary F %v, mean %v", r.BoundaryF, r.MeanBoundaryF)
	}
	plain, err := evaluate.Run(context.Background(), open(t, argmaxOfRGB()), set, set.Val, evaluate.Options{})
	if err != nil || plain.BoundaryF != nil || !math.IsNaN(plain.MeanBoundaryF) || plain.MIoU != r.MIoU {
		t.Errorf("%+v, %v", plain, err)
	}
}

// TestRunErrors holds that what is wrong with a sample names its file, and that nothing is left running.
func TestRunErrors(t *testing.T) {
	set := rgbSet(t)
	s := open(t, argmaxOfRGB())
	stop := errors.New("stop")
	if _, err := evaluate.Run(context.Background(), s, set, set.Val, evaluate.Options{Each: func(dataset.Sample, *imageio.Mask) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("%v, want what Each gives", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err := evaluate.Run(ctx, s, set, set.Val, evaluate.Options{Progress: func(int, int) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
	writeFile(t, set.Val[1].Image, []byte("no picture"))
	if _, err := evaluate.Run(context.Background(), s, set, set.Val, evaluate.Options{}); err == nil || !strings.Contains(err.Error(), "b.png") {
		t.Errorf("%v, want that it names b.png", err)
	}
	set = rgbSet(t)
	for _, sample := range set.Val {
		f, err := os.Open(sample.Label)
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		m := image.NewGray(image.Rect(0, 0, c.Width, c.Height))
		for i := range m.Pix {
			m.Pix[i] = 255
		}
		writePNG(t, sample.Label, m)
	}
	if _, err := evaluate.Run(context.Background(), s, set, set.Val, evaluate.Options{}); err == nil || !strings.Contains(err.Error(), "no pixel that counts") {
		t.Errorf("%v, want that no pixel counts", err)
	}
}

// ExampleRun measures a network on the validation split of a folder.
func ExampleRun() {
	measure := func(model, folder string) (float64, error) {
		set, err := dataset.Open(folder, "")
		if err != nil {
			return 0, err
		}
		s, err := runtime.Embedded.Load(model, runtime.Options{})
		if err != nil {
			return 0, err
		}
		defer s.Close()
		r, err := evaluate.Run(context.Background(), s, set, set.Val, evaluate.Options{Scales: evaluate.PaperScales(), Flip: true})
		if err != nil {
			return 0, err
		}
		return r.MIoU, nil
	}
	_, err := measure("net.onnx", "no-such-folder")
	fmt.Println(err)
	// Output: stat no-such-folder: no such file or directory
}
