package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCollect(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.JPG", "a.png", "notes.txt", ".hidden.png", "c.tiff", "old_mask.png", "sub/d.webp", "sub/deep/e.bmp", "empty/readme.md", "other/a.png", "twin/x.png", "twin/x.jpg"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	out := at("results")
	tests := []struct {
		name      string
		paths     []string
		out       string
		recursive bool
		want      []string // photo>base
		err       string
	}{
		{name: "a folder, sorted", paths: []string{dir}, out: out, want: []string{"a.png>results/a", "b.JPG>results/b", "c.tiff>results/c", "old_mask.png>results/old_mask"}},
		{name: "files in the order given", paths: []string{at("c.tiff"), at("notes.txt")}, out: out, want: []string{"c.tiff>results/c", "notes.txt>results/notes"}},
		{name: "recursive, keeping subfolders", paths: []string{at("sub")}, out: out, recursive: true, want: []string{"sub/d.webp>results/d", "sub/deep/e.bmp>results/deep/e"}},
		{name: "into the folder itself, earlier results left out", paths: []string{dir}, out: dir, want: []string{"a.png>a", "b.JPG>b", "c.tiff>c"}},
		{name: "recursive, the output folder left out", paths: []string{dir}, out: at("twin"), recursive: true, err: "", want: []string{"a.png>twin/a", "b.JPG>twin/b", "c.tiff>twin/c", "old_mask.png>twin/old_mask", "other/a.png>twin/other/a", "sub/d.webp>twin/sub/d", "sub/deep/e.bmp>twin/sub/deep/e"}},
		{name: "no pictures", paths: []string{at("empty")}, out: out, err: "no pictures in this folder"},
		{name: "missing", paths: []string{at("nothing.png")}, out: out, err: "no such file"},
		{name: "two pictures of one name", paths: []string{at("twin")}, out: out, err: "would both write"},
		{name: "two folders with one name", paths: []string{at("a.png"), at("other")}, out: out, err: "would both write"},
		{name: "twice", paths: []string{at("a.png"), at("a.png")}, out: out, err: "given twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			jobs, err := collect(tt.paths, tt.out, tt.recursive)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("%v, %v, want %q", jobs, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, j := range jobs {
				photo, _ := filepath.Rel(dir, j.photo)
				base, _ := filepath.Rel(dir, j.base)
				got = append(got, filepath.ToSlash(photo)+">"+filepath.ToSlash(base))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q,\nwant %q", got, tt.want)
			}
		})
	}
}
