package checkpoint

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// imports is the folder of the fixtures that package decode shares.
const imports = "../../decode/testdata/import/"

// TestTorchArchive is about entries of the zip form that PyTorch 1.13, which made the fixtures, does not write: later
// versions add the byte order; TorchScript adds constants.pkl.
func TestTorchArchive(t *testing.T) {
	for _, c := range []struct {
		entry, contents string // added, in the folder of data.pkl
		without         string // left out
		compress        bool
		want            string
	}{
		{entry: "byteorder", contents: "little"},
		{entry: "byteorder", contents: "big", want: "little-endian"},
		{entry: "constants.pkl", contents: "\x80\x02).", want: "TorchScript"},
		{entry: "extra/notes", contents: "x", compress: true},
		{entry: "version2", contents: "3", without: "data/1", want: "not in the archive"},
	} {
		old, err := zip.OpenReader(imports + "parallel.pth")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		folder := ""
		for _, entry := range old.File {
			if path.Base(entry.Name) == "data.pkl" {
				folder = path.Dir(entry.Name)
			}
			if c.without != "" && strings.HasSuffix(entry.Name, c.without) {
				continue
			}
			method := zip.Store
			if c.compress {
				method = zip.Deflate
			}
			out, err := w.CreateHeader(&zip.FileHeader{Name: entry.Name, Method: method})
			if err != nil {
				t.Fatal(err)
			}
			in, err := entry.Open()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(out, in); err != nil {
				t.Fatal(err)
			}
		}
		out, err := w.Create(folder + "/" + c.entry)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, c.contents); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		old.Close()
		file := filepath.Join(t.TempDir(), "file.pth")
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(file)
		if err == nil {
			for i := range f.Tensors {
				if _, loadErr := Load[float32](&f.Tensors[i]); loadErr != nil {
					err = loadErr
				}
			}
			f.Close()
		}
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.want == "":
			if len(f.Tensors) == 0 || f.Format != PyTorch {
				t.Errorf("%+v: %v", c, f)
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%+v: %v", c, err)
		}
	}
}
