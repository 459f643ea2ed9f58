package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDemo goes the whole way in seconds: every file is there, named in the answer, and can be read.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	answer := succeed(t, dir, "demo --quick -o DIR/new/demo")
	root := filepath.Join(dir, "new", "demo")
	files := slices.DeleteFunc(listing(t, root), func(name string) bool { return strings.Contains(name, string(filepath.Separator)) })
	slices.Sort(files)
	if want := []string{"00000.json", "00000_mask.png", "00000_overlay.png", "architecture.json", "cell.png", "cell.svg", "found", "net.onnx",
		"report.html", "scenes", "trained", "trellis.png", "trellis.svg"}; !slices.Equal(files, want) {
		t.Fatalf("%v were written, want %v", files, want)
	}
	for _, want := range []string{"$ autodeeplab search", "$ autodeeplab train", "before training", "mIoU on scenes", "00000_overlay.png", "report.html"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer lacks %q:\n%s", want, answer)
		}
	}
	for _, name := range files {
		path := filepath.Join(root, name)
		switch filepath.Ext(name) {
		case ".svg":
			wellFormed(t, read(t, path))
		case ".png":
			if size := decodePNG(t, path).Bounds().Size(); strings.HasPrefix(name, "00000") && (size.X != 48 || size.Y != 36) {
				t.Errorf("%s is of %v, the scene of 48×36", name, size)
			}
		case ".onnx":
			succeed(t, dir, "check "+path)
		}
	}
	page := read(t, filepath.Join(root, reportFile))
	for _, want := range []string{"Demo:", "before training", "Training: Loss", "Search: Loss", "trellis", "data:image/png;base64,", "balloon"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}

	// The commands that it prints can be typed, and the one that it proposes works.
	typed := 0
	for line := range strings.Lines(answer) {
		if command, ok := strings.CutPrefix(line, "$ autodeeplab "); ok {
			succeed(t, "", strings.ReplaceAll(command, root, filepath.Join(dir, "typed")))
			typed++
		}
	}
	if typed != 7 {
		t.Errorf("%d commands are printed, want 7", typed)
	}
	if !bytes.Equal(read(t, filepath.Join(root, "net.onnx")), read(t, filepath.Join(dir, "typed", "net.onnx"))) {
		t.Error("typed, the commands make another network")
	}
	_, proposed, found := strings.Cut(answer, "Try your own picture:  autodeeplab ")
	if !found {
		t.Fatalf("the answer proposes nothing:\n%s", answer)
	}
	succeed(t, "", strings.Replace(strings.TrimSpace(proposed), "photo.jpg", filepath.Join(root, "scenes/images/val/00001.jpg"), 1))
	succeed(t, dir, "demo --quick --seed 1 -o DIR/new/demo") // over itself
}
