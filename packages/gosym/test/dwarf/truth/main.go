// Dwarftruth prints what Go's own debug/dwarf reads from a binary, one tab-separated line an item:
//
//	F  name  low  high  parameter=type,parameter=type,...   (results with a ! before the name)
//	S  name  size  field@offset=type,...                   (embedded fields with a ^ before the name)
package main

import (
	"bufio"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"os"
	"strings"
)

const embedded = dwarf.Attr(0x2903)

type reader struct {
	data    *dwarf.Data
	entries map[dwarf.Offset]*dwarf.Entry
}

func (r *reader) at(offset dwarf.Offset) *dwarf.Entry {
	if e := r.entries[offset]; e != nil {
		return e
	}
	in := r.data.Reader()
	in.Seek(offset)
	e, err := in.Next()
	if err != nil || e == nil {
		panic(fmt.Sprintf("no entry at %#x: %v", offset, err))
	}
	r.entries[offset] = e
	return e
}

// val looks in the entry and in the abstract ones it is an instance of.
func (r *reader) val(e *dwarf.Entry, attr dwarf.Attr) any {
	for e != nil {
		if v := e.Val(attr); v != nil {
			return v
		}
		origin, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		if !ok {
			return nil
		}
		e = r.at(origin)
	}
	return nil
}

func (r *reader) typeName(v any) string {
	offset, ok := v.(dwarf.Offset)
	if !ok {
		return "?"
	}
	e := r.at(offset)
	name, _ := e.Val(dwarf.AttrName).(string)
	if strings.HasPrefix(name, ".param") {
		return r.typeName(e.Val(dwarf.AttrType))
	}
	return name
}

func (r *reader) function(in *dwarf.Reader, e *dwarf.Entry) string {
	name, _ := r.val(e, dwarf.AttrName).(string)
	ranges, err := r.data.Ranges(e)
	if err != nil || len(ranges) == 0 {
		in.SkipChildren()
		return ""
	}
	var parameters []string
	for e.Children {
		c, err := in.Next()
		if err != nil || c == nil || c.Tag == 0 {
			break
		}
		if c.Tag == dwarf.TagFormalParameter {
			mark := ""
			if result, _ := r.val(c, dwarf.AttrVarParam).(bool); result {
				mark = "!"
			}
			parameter, _ := r.val(c, dwarf.AttrName).(string)
			parameters = append(parameters, mark+parameter+"="+r.typeName(r.val(c, dwarf.AttrType)))
		}
		in.SkipChildren()
	}
	return fmt.Sprintf("F\t%s\t%d\t%d\t%s", name, ranges[0][0], ranges[0][1], strings.Join(parameters, ","))
}

func (r *reader) structure(in *dwarf.Reader, e *dwarf.Entry) string {
	name, _ := e.Val(dwarf.AttrName).(string)
	size, _ := e.Val(dwarf.AttrByteSize).(int64)
	var fields []string
	for e.Children {
		c, err := in.Next()
		if err != nil || c == nil || c.Tag == 0 {
			break
		}
		mark := ""
		if set, _ := c.Val(embedded).(bool); set {
			mark = "^"
		}
		field, _ := c.Val(dwarf.AttrName).(string)
		offset, _ := c.Val(dwarf.AttrDataMemberLoc).(int64)
		fields = append(fields, fmt.Sprintf("%s%s@%d=%s", mark, field, offset, r.typeName(c.Val(dwarf.AttrType))))
	}
	return fmt.Sprintf("S\t%s\t%d\t%s", name, size, strings.Join(fields, ","))
}

func main() {
	file, err := elf.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	data, err := file.DWARF()
	if err != nil {
		panic(err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	r := &reader{data, map[dwarf.Offset]*dwarf.Entry{}}
	in := data.Reader()
	for {
		e, err := in.Next()
		if err != nil {
			panic(err)
		}
		if e == nil {
			return
		}
		line := ""
		switch e.Tag {
		case dwarf.TagCompileUnit:
			if language, _ := e.Val(dwarf.AttrLanguage).(int64); language != 0x16 {
				in.SkipChildren()
			}
		case dwarf.TagSubprogram:
			line = r.function(in, e)
		case dwarf.TagStructType:
			line = r.structure(in, e)
		}
		if line != "" {
			fmt.Fprintln(out, line)
		}
	}
}
