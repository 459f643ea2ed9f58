package weights

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"autodeeplab/weights/checkpoint"
)

// Map says which tensor of a checkpoint is which of a network's. The package comment describes its text.
type Map struct {
	// Name is that of the file, without its ending.
	Name string
	// About is what the map is for.
	About string
	// Differs is how the network of such a checkpoint is another than the one here.
	Differs []string

	detect   []string
	strip    []string
	tables   map[string]map[string]string
	tensors  []tensorRule
	epsilons []epsilonRule
	average  string
	ignored  []reasonRule
	refused  []reasonRule
}

// tensorRule is a line "tensor".
type tensorRule struct {
	ours         *pattern
	theirs       string
	layout       string // "", HWIO or HWCM
	inputs       []int
	times, minus string
	absent       *float32 // else=
}

type epsilonRule struct {
	epsilon float64
	ours    *pattern
}

// reasonRule is a line "ignore" or "refuse".
type reasonRule struct {
	theirs *pattern
	reason string
}

//go:embed maps/*.map
var builtIn embed.FS

// Maps gives the maps that are built in, in the order of their names. They must not be changed.
func Maps() []*Map { return slices.Clone(allMaps()) }

// allMaps parses them once: there are hundreds of patterns, which take milliseconds.
var allMaps = sync.OnceValue(func() []*Map {
	entries, err := builtIn.ReadDir("maps")
	if err != nil {
		panic(err) // unreachable: the folder is embedded
	}
	var maps []*Map
	for _, e := range entries {
		text, err := builtIn.ReadFile("maps/" + e.Name())
		if err == nil {
			var m *Map
			m, err = ParseMap(strings.TrimSuffix(e.Name(), ".map"), text)
			maps = append(maps, m)
		}
		if err != nil {
			panic(fmt.Sprintf("weights: %s: %v", e.Name(), err)) // unreachable: a test parses them
		}
	}
	return maps
})

// MaxMapBytes bounds a map's text.
const MaxMapBytes = 1 << 20

// ParseMap reads a map. name is how messages call it. Errors name the line.
func ParseMap(name string, text []byte) (*Map, error) {
	if len(text) > MaxMapBytes {
		return nil, fmt.Errorf("longer than %d bytes, the limit of a map", MaxMapBytes)
	}
	m := &Map{Name: name, tables: make(map[string]map[string]string)}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, MaxMapBytes+1)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := m.line(words[0], words[1:]); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(m.tensors) == 0 {
		return nil, errors.New("no line \"tensor OURS THEIRS\"")
	}
	return m, nil
}

// line reads one line.
func (m *Map) line(word string, args []string) error {
	least := map[string]int{"about": 1, "detect": 1, "strip": 1, "let": 2, "tensor": 2, "epsilon": 2, "average": 1, "ignore": 2, "refuse": 2, "differs": 1}
	n, known := least[word]
	switch {
	case !known:
		return fmt.Errorf("%q is no word of a map, want one of %s", word, strings.Join(slices.Sorted(maps.Keys(least)), ", "))
	case len(args) < n:
		return fmt.Errorf("%s with %d words behind it, want %d or more", word, len(args), n)
	}
	text := strings.Join(args, " ")
	switch word {
	case "about":
		m.About = text
	case "differs":
		m.Differs = append(m.Differs, text)
	case "detect":
		m.detect = append(m.detect, args[0])
	case "strip":
		m.strip = append(m.strip, args[0])
	case "average":
		m.average = args[0]
	case "let":
		return m.table(args[0], args[1:])
	case "tensor":
		return m.tensor(args[0], args[1], args[2:])
	case "epsilon":
		v, err := strconv.ParseFloat(args[0], 64)
		if err != nil || !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("ε %q, want a number of 0 or more", args[0])
		}
		p, err := compilePattern(args[1], m.tables)
		m.epsilons = append(m.epsilons, epsilonRule{v, p})
		return err
	case "ignore", "refuse":
		p, err := compilePattern(args[0], m.tables)
		rule := reasonRule{p, strings.Join(args[1:], " ")}
		if word == "ignore" {
			m.ignored = append(m.ignored, rule)
		} else {
			m.refused = append(m.refused, rule)
		}
		return err
	}
	return nil
}

func (m *Map) table(name string, pairs []string) error {
	if p := placeholder.FindString("{" + name + "}"); p != "{"+name+"}" || name == "*" || name == "edge" {
		return fmt.Errorf("let %q: want a name of small letters", name)
	}
	table := make(map[string]string)
	for _, pair := range pairs {
		ours, theirs, ok := strings.Cut(pair, "=")
		if !ok || ours == "" {
			return fmt.Errorf("let %s: %q, want OURS=THEIRS", name, pair)
		}
		table[ours] = theirs
	}
	m.tables[name] = table
	return nil
}

func (m *Map) tensor(ours, theirs string, how []string) error {
	p, err := compilePattern(ours, m.tables)
	if err != nil {
		return err
	}
	r := tensorRule{ours: p, theirs: theirs}
	for _, h := range how {
		key, value, _ := strings.Cut(h, "=")
		switch key {
		case "HWIO", "HWCM":
			r.layout = key
		case "times":
			r.times = value
		case "minus":
			r.minus = value
		case "else":
			v, err := strconv.ParseFloat(value, 32)
			if err != nil {
				return fmt.Errorf("else=%q, want a number", value)
			}
			f := float32(v)
			r.absent = &f
		case "inputs":
			if r.inputs, err = permutation(value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%q, want HWIO, HWCM, inputs=…, times=…, minus=… or else=…", h)
		}
	}
	m.tensors = append(m.tensors, r)
	return nil
}

// permutation reads the numbers 0 to n−1 in some order.
func permutation(text string) ([]int, error) {
	var list []int
	seen := make(map[int]bool)
	words := strings.Split(text, ",")
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil || n < 0 || n >= len(words) || seen[n] {
			return nil, fmt.Errorf("inputs=%q, want the numbers 0 to %d, each once", text, len(words)-1)
		}
		seen[n] = true
		list = append(list, n)
	}
	return list, nil
}

// stripped is a checkpoint's name without the prefixes that the map takes off.
func (m *Map) stripped(name string) string {
	for _, prefix := range m.strip {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

// Fits reports whether a checkpoint holds all tensors that the map knows its checkpoints by.
func (m *Map) Fits(f *checkpoint.File) bool {
	left := make(map[string]bool)
	for _, name := range m.detect {
		left[name] = true
	}
	if len(left) == 0 {
		return false
	}
	for i := range f.Tensors {
		delete(left, m.stripped(f.Tensors[i].Name))
	}
	return len(left) == 0
}

// Choose gives the built-in map that fits a checkpoint.
func Choose(f *checkpoint.File) (*Map, error) {
	var names []string
	for _, m := range Maps() {
		if m.Fits(f) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return nil, fmt.Errorf("its names are those of no map that is built in (%s); --map FILE names one of your own", strings.Join(names, ", "))
}
