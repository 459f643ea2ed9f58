// Package option sets the fields of a struct of options from the text of flags, and tells in which two such structs
// differ. Names are the same everywhere: a field's name in lower case, with a hyphen between words.
package option

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// Flag is an option of a struct O as a command line sets it.
type Flag[O any] struct {
	Name, Kind, Usage string
	Value             func(*O) any // a pointer to the field
}

// New makes a Flag; value gives a pointer to the field.
func New[O any](name, kind, usage string, value func(*O) any) Flag[O] {
	return Flag[O]{name, kind, usage, value}
}

// kinds says what text a Kind takes.
var kinds = map[string]string{
	"N": "a whole number", "F": "a whole number", "X": "a number", "BOOL": "true or false", "HxW": "a number, or height x width as 121x161",
}

// Size is a height and a width in pixels, as a flag "121x161", or "129" for both.
type Size struct{ Height, Width int }

func (s Size) String() string {
	if s.Height == s.Width {
		return strconv.Itoa(s.Height)
	}
	return fmt.Sprintf("%dx%d", s.Height, s.Width)
}

func (s *Size) set(text string) (err error) {
	h, w, both := strings.Cut(strings.ReplaceAll(strings.ToLower(text), "×", "x"), "x")
	if s.Height, err = strconv.Atoi(h); err != nil {
		return err
	}
	if s.Width = s.Height; both {
		s.Width, err = strconv.Atoi(w)
	}
	return err
}

// Text gives the option's value as Set takes it.
func (f Flag[O]) Text(o *O) string {
	switch p := f.Value(o).(type) {
	case *int:
		return strconv.Itoa(*p)
	case *uint64:
		return strconv.FormatUint(*p, 10)
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	case *bool:
		return strconv.FormatBool(*p)
	case *string:
		return *p
	case *Size:
		return p.String()
	case *[]int:
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(*p), "[]"), " ", ",")
	}
	return ""
}

// Set gives the option a value from text. What is out of range is left to the struct's own check.
func (f Flag[O]) Set(o *O, text string) (err error) {
	switch p := f.Value(o).(type) {
	case *int:
		*p, err = strconv.Atoi(text)
	case *uint64:
		*p, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		*p, err = strconv.ParseFloat(text, 64)
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *string:
		*p = text
	case *Size:
		err = p.set(text)
	case *[]int:
		*p = nil
		for part := range strings.SplitSeq(text, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(part))
			if err != nil {
				return fmt.Errorf("--%s %q: want whole numbers with commas between", f.Name, text)
			}
			*p = append(*p, n)
		}
	}
	if err != nil {
		return fmt.Errorf("--%s %q: want %s", f.Name, text, kinds[f.Kind])
	}
	return nil
}

// Difference gives the first field in which two structs of one type differ, by its flag's name, with both values.
func Difference[O any](a, b O) (name string, was, is any) {
	return difference(reflect.ValueOf(a), reflect.ValueOf(b))
}

func difference(a, b reflect.Value) (name string, was, is any) {
	for i := range a.NumField() {
		f, x, y := a.Type().Field(i), a.Field(i), b.Field(i)
		if f.Anonymous {
			if name, was, is = difference(x, y); name != "" {
				return name, was, is
			}
			continue
		}
		if !reflect.DeepEqual(x.Interface(), y.Interface()) {
			return FlagName(f.Name), x.Interface(), y.Interface()
		}
	}
	return "", nil, nil
}

// FlagName is the name of a field's flag.
func FlagName(field string) string {
	var b strings.Builder
	for i, r := range field {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// In is an error if an option, which the flag sets, is out of its range. NaN is out of every one.
func In[T int | float64](flag string, got, least, most T) error {
	if !(got >= least && got <= most) {
		return fmt.Errorf("--%s %v, want %v to %v", flag, got, least, most)
	}
	return nil
}
