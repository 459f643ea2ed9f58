package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDraw(t *testing.T) {
	dir := folder(t)
	succeed(t, dir, "compile DIR/small.json --filters 4 --classes 3 --input-size 33x33 -o DIR/net.onnx")
	all := []string{"cell.png", "cell.svg", "trellis.png", "trellis.svg"}
	for _, test := range []struct {
		args string
		want []string
	}{
		{"", all},
		{"DIR/small.json", all},
		{"DIR/net.onnx", all},
		{"DIR/small.json --format svg", []string{"cell.svg", "trellis.svg"}},
		{"DIR/small.json --format png,svg --dpi 30", all},
	} {
		t.Run(test.args, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "new", "figures")
			answer := succeed(t, dir, "draw -o "+out+" "+test.args)
			files := listing(t, out)
			slices.Sort(files)
			if !slices.Equal(files, test.want) {
				t.Errorf("%v were written, want %v", files, test.want)
			}
			for _, name := range files {
				path := filepath.Join(out, name)
				if !strings.Contains(answer, path+"\n") {
					t.Errorf("the answer %q does not name %s", answer, path)
				}
				if strings.HasSuffix(name, ".svg") {
					wellFormed(t, read(t, path))
				} else if size := decodePNG(t, path).Bounds().Size(); size.X < 50 || size.Y < 50 {
					t.Errorf("%s is of %v", name, size)
				}
			}
		})
	}
	// The same from the JSON and from the network that carries it; another architecture is another picture.
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	succeed(t, dir, "draw -o "+a+" DIR/small.json")
	succeed(t, dir, "draw -o "+b+" DIR/net.onnx")
	succeed(t, dir, "draw -o "+c)
	for _, name := range all {
		if !bytes.Equal(read(t, filepath.Join(a, name)), read(t, filepath.Join(b, name))) {
			t.Errorf("%s of the JSON and of the .onnx differ", name)
		}
		if bytes.Equal(read(t, filepath.Join(a, name)), read(t, filepath.Join(c, name))) {
			t.Errorf("%s is the same for two architectures", name)
		}
	}
	small := decodePNG(t, filepath.Join(a, "cell.png")).Bounds().Size()
	succeed(t, dir, "draw -o "+a+" DIR/small.json --dpi 192")
	if large := decodePNG(t, filepath.Join(a, "cell.png")).Bounds().Size(); large.X < 2*small.X-2 || large.X > 2*small.X+2 {
		t.Errorf("twice the default resolution makes %v of %v", large, small)
	}

	fail(t, dir, "draw -o DIR/out --dpi 0", exitFailure, "0 dots an inch")
	fail(t, dir, "draw -o DIR/out --dpi 100000", exitFailure, "100000 dots an inch")
	fail(t, dir, "draw DIR/tiny.onnx -o DIR/out", exitFailure, "tiny.onnx", "autodeeplab.architecture")
	fail(t, dir, "draw DIR/none.json -o DIR/out", exitFailure, "none.json: no such file")
	fail(t, dir, "draw -o DIR/small.json", exitFailure, "small.json", "not a directory")
}

// wellFormed reads a whole SVG, and looks for text and shapes in it.
func wellFormed(t *testing.T, data []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	elements := make(map[string]int)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
		}
	}
	if elements["svg"] != 1 || elements["path"]+elements["rect"]+elements["circle"]+elements["line"] < 5 {
		t.Errorf("the SVG holds %v", elements)
	}
}
