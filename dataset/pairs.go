package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// imageEndings are those of photographs, labelEndings those of label maps, in the order in which they are looked for.
var (
	imageEndings = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
	labelEndings = []string{".png"}
)

// problem is something about the files of a set that keeps it from being opened.
type problem struct {
	kind string // one of those below
	path string
	text string
}

const (
	noLabels = "no labels"
	noImage  = "no image"
	sameName = "same name"
	notAFile = "not a file"
)

// summary is the error of the first problem, and how many more there are of its kind.
func summary(problems []problem) error {
	more := -1
	for _, p := range problems {
		if p.kind == problems[0].kind {
			more++
		}
	}
	first := problems[0]
	text := fmt.Sprintf("%s: %s", first.path, first.text)
	switch {
	case more > 0 && (first.kind == noLabels || first.kind == noImage):
		text += fmt.Sprintf(", nor have %d more", more)
	case more > 0:
		text += fmt.Sprintf(", and so it is with %d more", more)
	}
	return errors.New(text)
}

func sortByName(list []Sample) {
	slices.SortStableFunc(list, func(a, b Sample) int { return strings.Compare(a.Name, b.Name) })
}

// samples lists a source's samples, and what keeps others from being some.
func (s source) samples(dir string) ([]Sample, []problem, error) {
	if s.records != "" {
		list, err := s.recordSamples(dir)
		return list, nil, err
	}
	kinds := s.kinds
	if len(kinds) == 0 {
		kinds = []kind{{"", asClasses}}
	}
	images, labels := filepath.Join(dir, s.images), filepath.Join(dir, s.labels)
	photos, problems, err := byName(images, imageEndings, s.suffix, s.deep)
	if err != nil {
		return nil, nil, err
	}
	maps := make([]map[string]string, len(kinds))
	for i, k := range kinds {
		var more []problem
		if maps[i], more, err = byName(labels, labelEndings, k.suffix, s.deep); err != nil {
			return nil, nil, err
		}
		problems = append(problems, more...)
	}
	at := func(name string) (string, scheme) {
		for i, k := range kinds {
			if path, ok := maps[i][name]; ok {
				return path, k.scheme
			}
		}
		return "", asClasses
	}
	if file := s.list(dir); file != "" {
		list, more, err := s.listed(dir, file, photos, at)
		return list, append(problems, more...), err
	}

	var list []Sample
	wanted := func(name string) string { // where labels would have to be
		return filepath.Join(labels, filepath.FromSlash(path.Dir(name)), "…"+kinds[len(kinds)-1].suffix+labelEndings[0])
	}
	for _, name := range sorted(photos) {
		label, scheme := at(name)
		if label == "" {
			problems = append(problems, problem{noLabels, photos[name], fmt.Sprintf("it has no labels of the same name (%s)%s", wanted(name), s.wrongEnding(labels, name))})
			continue
		}
		list = append(list, Sample{Name: path.Base(name), Image: photos[name], Label: label, scheme: scheme})
	}
	for i, k := range kinds {
		for _, name := range sorted(maps[i]) {
			if k.suffix == "" && slices.ContainsFunc(kinds, func(other kind) bool { return other.suffix != "" && strings.HasSuffix(name, other.suffix) }) {
				continue // it is of that kind
			}
			if _, ok := photos[name]; !ok {
				problems = append(problems, problem{noImage, maps[i][name], fmt.Sprintf("it has no image of the same name (%s)", filepath.Join(images, filepath.FromSlash(path.Dir(name)), "…"+s.suffix+imageEndings[0]))})
			}
		}
	}
	return list, problems, nil
}

// wrongEnding says so where the labels are there, but in a format that loses or mixes values.
func (s source) wrongEnding(labels, name string) string {
	for _, ending := range imageEndings {
		file := filepath.Join(labels, filepath.FromSlash(name)+ending)
		if _, err := os.Stat(file); err == nil {
			return fmt.Sprintf("; %s is there, but labels must be a PNG: other formats lose or mix their values", filepath.Base(file))
		}
	}
	return ""
}

func sorted(files map[string]string) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// list is the first of the source's lists that exists, or "".
func (s source) list(dir string) string {
	for _, l := range s.lists {
		path := filepath.Join(dir, l)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// maxProblems is how many lines of a list may be wrong for each to be told of.
const maxProblems = 1 << 16

// listed takes the samples that a list names: one a line, by name, or by the paths of image and labels from the set's
// folder on, as the lists for SBD's labels that go round have it.
func (s source) listed(dir, file string, photos map[string]string, label func(string) (string, scheme)) (list []Sample, problems []problem, err error) {
	f, err := openRegular(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	seen := make(map[string]int)
	lines := bufio.NewScanner(f)
	for number := 1; lines.Scan(); number++ {
		if len(problems) > maxProblems {
			return nil, nil, fmt.Errorf("%s: more than %d of its lines name what is not there, or is there twice; the first: %s, %s", file, maxProblems, problems[0].path, problems[0].text)
		}
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if len(words) > 2 {
			return nil, nil, fmt.Errorf("%s: line %d: %q, want a name, or the paths of an image and its labels", file, number, lines.Text())
		}
		name := path.Base(words[0])
		if len(words) == 2 {
			name = strings.TrimSuffix(name, path.Ext(name))
		}
		where := fmt.Sprintf("%s, line %d", file, number)
		if first, twice := seen[name]; twice {
			problems = append(problems, problem{sameName, where, fmt.Sprintf("%s is in line %d already", name, first)})
			continue
		}
		seen[name] = number
		photo, ok := photos[name]
		if !ok {
			problems = append(problems, problem{noImage, where, fmt.Sprintf("%s has no image (%s)", name, filepath.Join(dir, s.images, name+imageEndings[0]))})
			continue
		}
		path, scheme := label(name)
		if path == "" {
			problems = append(problems, problem{noLabels, where, fmt.Sprintf("%s has no labels (%s)", name, filepath.Join(dir, s.labels, name+labelEndings[0]))})
			continue
		}
		list = append(list, Sample{Name: name, Image: photo, Label: path, scheme: scheme})
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, problems, nil
}

// byName lists a folder's files of some endings, and with deep those of the folders in it, by their names without suffix
// and ending, after the inner folder's name. Hidden files and those without the suffix are left out.
func byName(dir string, endings []string, suffix string, deep bool) (map[string]string, []problem, error) {
	files := make(map[string]string)
	var problems []problem
	add := func(folder string, entries []fs.DirEntry) {
		for _, e := range entries {
			ending := strings.ToLower(filepath.Ext(e.Name()))
			if strings.HasPrefix(e.Name(), ".") || e.IsDir() || !slices.Contains(endings, ending) {
				continue
			}
			name, ok := strings.CutSuffix(e.Name()[:len(e.Name())-len(ending)], suffix)
			if !ok {
				continue
			}
			file := filepath.Join(dir, folder, e.Name())
			if info, err := os.Stat(file); err != nil { // a link that leads nowhere, say
				problems = append(problems, problem{notAFile, file, withoutPath(err)})
				continue
			} else if !info.Mode().IsRegular() {
				problems = append(problems, problem{notAFile, file, "it is no regular file"})
				continue
			}
			name = path.Join(folder, name)
			if other, twice := files[name]; twice {
				problems = append(problems, problem{sameName, other, fmt.Sprintf("%s has the same name: which is meant?", file)})
				continue
			}
			files[name] = file
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	if !deep {
		add("", entries)
		return files, problems, nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		inner := filepath.Join(dir, e.Name())
		if info, err := os.Stat(inner); err != nil || !info.IsDir() {
			continue
		}
		files, err := os.ReadDir(inner)
		if err != nil {
			return nil, nil, err
		}
		add(e.Name(), files)
	}
	return files, problems, nil
}

// withoutPath is a file system's error without the path, which stands beside it.
func withoutPath(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
