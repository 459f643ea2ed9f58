package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDemo goes the whole way at a small input size: every file is there, named in the answer, and can be read.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	side := "65x97"
	if testing.Short() {
		side = "33x33"
	}
	answer := succeed(t, dir, "demo -o DIR/new/demo --input-size "+side)
	dir = filepath.Join(dir, "new", "demo")
	files := listing(t, dir)
	slices.Sort(files)
	if want := []string{"auto-deeplab-s.onnx", "cell.png", "cell.svg", "street.jpg", "street.json", "street_mask.png", "street_overlay.png", "trellis.png", "trellis.svg"}; !slices.Equal(files, want) {
		t.Fatalf("%v were written, want %v", files, want)
	}
	photo, err := jpeg.Decode(bytes.NewReader(read(t, filepath.Join(dir, "street.jpg"))))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		path := filepath.Join(dir, name)
		if !strings.Contains(answer, path) {
			t.Errorf("the answer does not name %s:\n%s", name, answer)
		}
		switch filepath.Ext(name) {
		case ".svg":
			wellFormed(t, read(t, path))
		case ".png":
			if size := decodePNG(t, path).Bounds().Size(); strings.HasPrefix(name, "street") && size != photo.Bounds().Size() {
				t.Errorf("%s is of %v, the picture of %v", name, size, photo.Bounds())
			}
		case ".json":
			var r finding
			decodeJSON(t, read(t, path), &r)
			if r.Dataset != "cityscapes" || len(r.Classes) < 2 {
				t.Errorf("the report says %+v: a network that tells nothing apart", r)
			}
		case ".onnx":
			succeed(t, dir, "check "+path)
			if text := succeed(t, dir, "summary "+path); !strings.Contains(text, "image float[1,3,"+strings.Replace(side, "x", ",", 1)+"]") {
				t.Errorf("the network is %.100s", text)
			}
		}
	}
	if mask := decodePNG(t, filepath.Join(dir, "street_mask.png")).(*image.Paletted); len(mask.Palette) < 19 {
		t.Errorf("the mask has %d colours", len(mask.Palette))
	}
	// What it proposes at the end works.
	_, proposed, found := strings.Cut(answer, "Try your own picture:  autodeeplab ")
	if !found {
		t.Fatalf("the answer proposes nothing:\n%s", answer)
	}
	succeed(t, "", strings.Replace(strings.TrimSpace(proposed), "photo.jpg", filepath.Join(dir, "street.jpg"), 1))
}
