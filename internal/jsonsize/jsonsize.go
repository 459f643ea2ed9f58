// Package jsonsize bounds what decoding a JSON text takes before it is decoded. An empty text in a list is three bytes in
// a file and a hundred in memory.
package jsonsize

import "fmt"

// MaxElements is how many elements of objects and lists a text may have. As an element of the header of a safetensors file
// takes 300 bytes at most, with all that is garbage on the way (measured), they take 48 MiB. A tensor is seven of them.
const MaxElements = 48 << 20 / 300

// Check reports a text of more than MaxElements. It need not be valid JSON.
func Check(text []byte) error {
	elements, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted:
			switch c {
			case '\\':
				escaped = true
			case '"':
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == ',', c == '[', c == '{':
			elements++
		}
	}
	if elements > MaxElements {
		return fmt.Errorf("%d names and numbers in its JSON, at most %d are read", elements, MaxElements)
	}
	return nil
}
