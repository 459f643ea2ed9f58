package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/dataset"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// TestRunSample compiles a narrow network and runs it on the sample picture: the three files must agree with each other
// and with the data set.
func TestRunSample(t *testing.T) {
	dir := folder(t)
	side := "129x161"
	if testing.Short() {
		side = "33x49"
	}
	succeed(t, dir, "compile --filters 4 --dataset cityscapes --bn-images DIR/street.jpg -o DIR/net.onnx --input-size "+side)
	answer := succeed(t, dir, "run DIR/net.onnx DIR/street.jpg -o DIR/out")
	if prefix := fmt.Sprintf("%s/street.jpg 769×577 → %s/out/street_mask.png (", dir, dir); !strings.HasPrefix(answer, prefix) || strings.Count(answer, "\n") != 1 {
		t.Errorf("the answer is %q, want it to begin with %q", answer, prefix)
	}
	if files, want := listing(t, filepath.Join(dir, "out")), []string{"street.json", "street_mask.png", "street_overlay.png"}; !slices.Equal(files, want) {
		t.Fatalf("%v were written, want %v", files, want)
	}
	city, err := dataset.ByName("cityscapes")
	if err != nil {
		t.Fatal(err)
	}

	mask, ok := decodePNG(t, filepath.Join(dir, "out", "street_mask.png")).(*image.Paletted)
	if !ok || mask.Rect.Size() != image.Pt(769, 577) {
		t.Fatalf("the mask is of type %T, %v", mask, mask.Rect)
	}
	for id, c := range city.Palette {
		if rgb(mask.Palette[id]) != rgb(c) {
			t.Errorf("class %d is %v in the mask's palette, want %v", id, mask.Palette[id], c)
		}
	}
	counts := make([]int, 256)
	for _, id := range mask.Pix {
		counts[id]++
	}

	var r finding
	decodeJSON(t, read(t, filepath.Join(dir, "out", "street.json")), &r)
	if r.Image != filepath.Join(dir, "street.jpg") || r.Model != filepath.Join(dir, "net.onnx") || r.Engine != "runtime" || r.Dataset != "cityscapes" ||
		r.Width != 769 || r.Height != 577 || r.NumClasses != 19 || fmt.Sprintf("%dx%d", r.Input.Height, r.Input.Width) != side {
		t.Errorf("the report says %+v", r)
	}
	total, found := 0.0, 0
	for _, c := range r.Classes {
		if c.Name != city.ClassNames[c.ID] || c.Pixels != counts[c.ID] || c.Pixels == 0 || math.Abs(c.Share-float64(c.Pixels)/(769*577)) > 1e-6 {
			t.Errorf("the report says %+v, the mask has %d pixels of %s", c, counts[c.ID], city.ClassNames[c.ID])
		}
		total, found = total+c.Share, found+c.Pixels
	}
	if found != 769*577 || math.Abs(total-1) > 1e-4 {
		t.Errorf("%d pixels and %g of the picture have a class", found, total)
	}

	if overlay := decodePNG(t, filepath.Join(dir, "out", "street_overlay.png")); overlay.Bounds().Size() != mask.Rect.Size() {
		t.Errorf("the overlay is of %v", overlay.Bounds())
	}

	succeed(t, dir, "run DIR/net.onnx DIR/street.jpg -o DIR/again --threads 1")
	for _, name := range []string{"street_mask.png", "street_overlay.png"} {
		if !bytes.Equal(read(t, filepath.Join(dir, "out", name)), read(t, filepath.Join(dir, "again", name))) {
			t.Errorf("%s is another one on one thread", name)
		}
	}

	fail(t, dir, "run DIR/net.onnx DIR/street.jpg -o DIR/new --dataset camvid", exitFailure, "19 classes", "--dataset")
}

// TestRunDynamic runs a network of dynamic sizes at the picture's own size and at a smaller one.
func TestRunDynamic(t *testing.T) {
	dir := folder(t)
	put(t, dir, map[string][]byte{"photo.png": picture(60, 40)})
	succeed(t, dir, "compile DIR/small.json --filters 2 --classes 3 --input-size dynamic -o DIR/net.onnx")
	for _, test := range []struct {
		flags         string
		width, height int
	}{{"", 60, 40}, {"--max-side 48", 48, 32}, {"--max-side 1000", 60, 40}} {
		succeed(t, dir, "run DIR/net.onnx DIR/photo.png -o DIR/out "+test.flags)
		var r finding
		decodeJSON(t, read(t, filepath.Join(dir, "out", "photo.json")), &r)
		if r.Input.ContentWidth != test.width || r.Input.ContentHeight != test.height || r.Width != 60 || r.Height != 40 {
			t.Errorf("%q: %+v", test.flags, r)
		}
		if r.Dataset != "" || len(r.Classes) == 0 || r.Classes[0].Name != fmt.Sprintf("class %d", r.Classes[0].ID) {
			t.Errorf("%q: data set %q, classes %v", test.flags, r.Dataset, r.Classes)
		}
		if size := decodePNG(t, filepath.Join(dir, "out", "photo_mask.png")).Bounds().Size(); size != image.Pt(60, 40) {
			t.Errorf("%q: the mask is of %v", test.flags, size)
		}
	}
}

// TestRunLabels runs a model whose answer can be read off the picture: its logits are the picture's red, green and blue.
func TestRunLabels(t *testing.T) {
	dir := folder(t)
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	want := make([]uint8, 64)
	for i := range want {
		c := []color.RGBA{{R: 200, G: 10, B: 20, A: 255}, {R: 100, G: 101, B: 99, A: 255}, {R: 0, G: 1, B: 2, A: 255}, {R: 7, G: 7, B: 7, A: 255}}[i*i/5%4]
		want[i] = []uint8{0, 1, 2, 0}[i*i/5%4] // the last is a tie, which goes to the first
		img.SetRGBA(i%8, i/8, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string][]byte{"rgb.png": b.Bytes()})

	succeed(t, dir, "run DIR/tiny.onnx DIR/rgb.png -o DIR/tinted --alpha 1")
	mask := decodePNG(t, filepath.Join(dir, "tinted", "rgb_mask.png")).(*image.Paletted)
	if !bytes.Equal(mask.Pix, want) {
		t.Errorf("the mask is %v, want %v", mask.Pix, want)
	}
	tinted := decodePNG(t, filepath.Join(dir, "tinted", "rgb_overlay.png"))
	succeed(t, dir, "run DIR/tiny.onnx DIR/rgb.png -o DIR/plain --alpha 0")
	plain := decodePNG(t, filepath.Join(dir, "plain", "rgb_overlay.png"))
	for i := range want {
		x, y := i%8, i/8
		if rgb(tinted.At(x, y)) != rgb(mask.At(x, y)) || rgb(plain.At(x, y)) != rgb(img.At(x, y)) {
			t.Fatalf("pixel %d,%d: mask %v, overlay with --alpha 1 %v; picture %v, with --alpha 0 %v", x, y, mask.At(x, y), tinted.At(x, y), img.At(x, y), plain.At(x, y))
		}
	}
}

// TestRunFolder runs a folder twice into itself, with subfolders, and with a picture that fails among the others.
func TestRunFolder(t *testing.T) {
	dir := folder(t)
	put(t, dir, map[string][]byte{"photos/": nil})
	put(t, dir, map[string][]byte{"photos/b.png": picture(20, 10), "photos/a.png": picture(10, 20), "photos/notes.txt": []byte("no picture"), "photos/sub/": nil})
	put(t, dir, map[string][]byte{"photos/sub/c.png": picture(5, 5)})
	results := func(names ...string) []string {
		var files []string
		for _, n := range names {
			files = append(files, n+".json", n+maskEnding, n+overlayEnding)
		}
		return files
	}
	written := func(folder string) []string {
		return slices.DeleteFunc(listing(t, filepath.Join(dir, folder)), func(name string) bool { return filepath.Ext(name) == "" })
	}

	answer := succeed(t, dir, "run DIR/tiny.onnx DIR/photos -o DIR/out")
	if a, b := strings.Index(answer, "a.png"), strings.Index(answer, "b.png"); a < 0 || b < a || strings.Count(answer, "\n") != 2 {
		t.Errorf("the answer is %q", answer)
	}
	if files := written("out"); !slices.Equal(files, results("a", "b")) {
		t.Errorf("%v were written", files)
	}
	succeed(t, dir, "run DIR/tiny.onnx DIR/photos -o DIR/deep --recursive")
	if files := written("deep"); !slices.Equal(files, results("a", "b", "sub/c")) {
		t.Errorf("%v were written", files)
	}
	succeed(t, dir, "run DIR/tiny.onnx DIR/photos/sub -o DIR/photos/sub")
	if again := succeed(t, dir, "run DIR/tiny.onnx DIR/photos/sub -o DIR/photos/sub"); strings.Count(again, "\n") != 1 {
		t.Errorf("a second run into the same folder took its own results for pictures: %q", again)
	}

	put(t, dir, map[string][]byte{"photos/aa.png": []byte("no picture at all")})
	o := command(t, dir, "run DIR/tiny.onnx DIR/photos -o DIR/some --keep-going")
	if lines := strings.Split(o.stderr, "\n"); o.status != exitFailure || len(lines) != 3 || !strings.Contains(lines[0], "aa.png") || !strings.Contains(lines[1], "1 of 3 pictures failed") {
		t.Errorf("exit %d, stderr %q", o.status, o.stderr)
	}
	if files := written("some"); !slices.Equal(files, results("a", "b")) {
		t.Errorf("%v were written", files)
	}
	o = command(t, dir, "run DIR/tiny.onnx DIR/photos -o DIR/first")
	if o.status != exitFailure || !strings.Contains(o.stderr, "aa.png") || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("exit %d, stderr %q", o.status, o.stderr)
	}
	if files := written("first"); !slices.Equal(files, results("a")) {
		t.Errorf("%v were written, want what came before the failure", files)
	}
}

// TestRunClassNames takes names and colours from --dataset, or from the metadata; where they do not fit, the error says
// which.
func TestRunClassNames(t *testing.T) {
	dir := folder(t)
	model := func(names, palette string) []byte {
		m := tiny()
		onnx.SetMetadata(m, "autodeeplab.class_names", names)
		if palette != "" {
			onnx.SetMetadata(m, "autodeeplab.palette", palette)
		}
		return marshal(m)
	}
	wide := changed(func(g *onnx.Graph) { // 21 classes, each the picture's red plus its number in turn
		bias := make([]float32, 21)
		bias[9] = 1
		g.Node = []*onnx.Node{onnx.NewNode("Conv", "conv", []string{"image", "w", "bias"}, []string{"logits"})}
		g.Initializer = []*onnx.TensorPB{onnx.Encode("w", tensor.Of(make([]float32, 63), 21, 3, 1, 1)), onnx.Encode("bias", tensor.Of(bias, 21))}
		g.Output[0].Type.GetTensorType().Shape.Dim[1] = onnx.FixedDim(21)
	})
	put(t, dir, map[string][]byte{
		"photo.png": picture(8, 8), "named.onnx": model(`["red","green","blue"]`, `["#ff0000","#00ff00","#0000ff"]`),
		"few.onnx": model(`["red","green"]`, ""), "text.onnx": model("red", ""), "colour.onnx": model(`["red","green","blue"]`, `["red"]`), "wide.onnx": marshal(wide),
	})
	if answer := succeed(t, dir, "run DIR/named.onnx DIR/photo.png -o DIR/out"); !strings.HasSuffix(answer, "(red 100.0 %)\n") {
		t.Errorf("the answer is %q", answer)
	}
	if mask := decodePNG(t, filepath.Join(dir, "out", "photo_mask.png")).(*image.Paletted); rgb(mask.Palette[1]) != [3]uint8{0, 255, 0} {
		t.Errorf("class 1 is %v in the mask's palette", mask.Palette[1])
	}
	if answer := succeed(t, dir, "run DIR/tiny.onnx DIR/photo.png -o DIR/out"); !strings.HasSuffix(answer, "(class 0 100.0 %)\n") {
		t.Errorf("the answer is %q", answer)
	}
	// Class 9 of the 20 of VOC, in the order of its label files, is the chair.
	if answer := succeed(t, dir, "run DIR/wide.onnx DIR/photo.png -o DIR/out --dataset voc"); !strings.HasSuffix(answer, "(chair 100.0 %)\n") {
		t.Errorf("the answer is %q", answer)
	}
	fail(t, dir, "run DIR/few.onnx DIR/photo.png -o DIR/new", exitFailure, "few.onnx", "3 classes", "2 names")
	fail(t, dir, "run DIR/text.onnx DIR/photo.png -o DIR/new", exitFailure, "text.onnx", "autodeeplab.class_names")
	fail(t, dir, "run DIR/colour.onnx DIR/photo.png -o DIR/new", exitFailure, "colour.onnx", "autodeeplab.palette", "#rrggbb")
	fail(t, dir, "run DIR/tiny.onnx DIR/photo.png -o DIR/new --dataset voc", exitFailure, "3 classes", "21 names", "--dataset")
}

func TestRunWithoutONNXRuntime(t *testing.T) {
	dir := folder(t)
	want := "scripts/onnxruntime.sh"
	if _, err := onnxruntime.Library(); err == nil {
		t.Fatal("TestMain did not hide the library")
	}
	if e, err := onnxruntime.New(); err == nil {
		t.Fatalf("the engine is there: %v", runtime.Engine(e))
	} else if strings.Contains(err.Error(), "cgo") {
		want = "CGO_ENABLED=1"
	}
	fail(t, dir, "run DIR/tiny.onnx DIR/street.jpg -o DIR/out --engine onnxruntime", exitFailure, "--engine onnxruntime", want)
}
