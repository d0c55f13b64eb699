"""The source of an `async def` as C, and the code objects of what it does between its awaits.

Refused, with NotImplementedError, is what cannot be spelled out: a comprehension that awaits, `match`, `global` and so on.
"""

import ast
import contextlib
import copy

SCOPES = (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What Python does at once, if it awaits nothing.
SIMPLE = (
    *(ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Assert, ast.Import, ast.ImportFrom),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.With),
)
# Children that are evaluated one after the other, all of them, in the order of the fields.
IN_ORDER = (
    *(ast.BinOp, ast.UnaryOp, ast.Call, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.Set, ast.Compare),
    *(ast.keyword, ast.NamedExpr),
)
LEAVES = (ast.Return, ast.Break, ast.Continue, ast.YieldFrom, ast.Global, ast.Nonlocal)


def inside(node):
    """The nodes of an expression or statement that are not another function's."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, SCOPES):
            yield from inside(child)


def awaits(node):
    """Whether the body is left in it."""
    return any(isinstance(each, (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)) for each in inside(node))


def yields(function):
    return any(isinstance(each, ast.Yield) for statement in function.body for each in inside(statement))


def awaited(node):
    """How, and what: `await suspend(value)` is a word of its own."""
    called = isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
    if called and node.value.func.id == "suspend":
        return "SUSPEND", node.value.args[0]
    return "AWAIT", node.value


def call(name, *arguments):
    return ast.Call(ast.Name(name, ast.Load()), [ast.Constant(each) for each in arguments], [])


def take(number):
    return call("$take", number)


class Loop:
    def __init__(self, blocks, flag):
        self.blocks, self.flag = blocks, flag


class Translator:
    """Of one function: `lines` of C, and `codes`."""

    def __init__(self, function, filename):
        self.filename = filename
        self.lines, self.codes, self.pending = [], [], []
        self.values = self.most_values = self.iterators = self.flags = self.leavings = 0
        # What a statement is inside: how many TRY and ASYNC_WITH and ASYNC_FOR; loops; sections of a TRY.
        self.blocks, self.loops, self.section = 0, [], None
        self.indent = 1
        self.is_generator = yields(function)
        self.statements(function.body)
        self.emit()

    # Writing C.

    def emit(self, *lines):
        if self.pending:
            number, self.pending = self.code(ast.Module(self.pending, []), "exec"), []
            self.emit(f"DO({number});")
        self.lines += ["    " * self.indent + line for line in lines]

    @contextlib.contextmanager
    def braces(self, beginning="{", end="}"):
        self.emit(beginning)
        self.indent += 1
        yield
        self.indent -= 1
        self.emit(end)

    @contextlib.contextmanager
    def block(self, word):
        """A TRY, an ASYNC_WITH, an ASYNC_FOR, to its end."""
        self.emit(word)
        self.indent += 1
        self.blocks += 1
        yield
        self.blocks -= 1
        self.indent -= 1
        self.emit({"T": "END_TRY", "W": "END_WITH", "F": "END_FOR"}[word.replace("ASYNC_", "")[0]])

    @contextlib.contextmanager
    def within(self, section, iterators):
        """A section of a TRY. What an expression and the loops inside were at when they failed goes first."""
        self.indent -= 1
        self.emit({"except": "EXCEPT", "finally": "FINALLY"}[section])
        self.indent += 1
        self.emit("FORGET(value);")
        self.emit(*(f"Py_CLEAR(f->iterator[{number}]);" for number in range(iterators, self.iterators)))
        before, self.section = self.section, section
        yield
        self.section = before

    def code(self, tree, mode):
        self.codes.append(compile(ast.fix_missing_locations(tree), self.filename, mode, dont_inherit=True))
        return len(self.codes) - 1

    def evaluate(self, node):
        """C for what an expression without an await gives: a new reference or NULL."""
        return f"EVALUATE({self.code(ast.Expression(node), 'eval')})"

    def do(self, statement):
        """Together with what follows, up to the next line of C."""
        self.pending.append(statement)

    def do_text(self, text):
        for statement in ast.parse(text).body:
            self.do(statement)

    def store(self, target, number):
        self.do(ast.Assign([target], take(number), lineno=1))

    def value(self):
        self.values += 1
        self.most_values = max(self.values, self.most_values)
        return self.values - 1

    def new_flag(self):
        self.flags += 1
        return f"f->flag[{self.flags - 1}]"

    # Expressions: what they await is awaited first, and is an intermediate value then.

    def lifted(self, node):
        """The expression without its awaits."""
        if not awaits(node):
            return node
        if isinstance(node, ast.Await):
            word, node = awaited(node)
            value = self.lifted(node)
            number = self.value()
            self.emit(f"{word}(value[{number}], {self.evaluate(value)});")
            return take(number)
        if isinstance(node, ast.Yield):
            value = self.lifted(node.value or ast.Constant(None))
            number = self.value()
            self.emit(f"YIELD(value[{number}], {self.evaluate(value)});")
            return take(number)
        if isinstance(node, ast.BoolOp):
            return self.either(node)
        if isinstance(node, ast.IfExp):
            number = self.value()
            self.test(node.test)
            with self.braces("if (f->truth) {"):
                self.keep(node.body, number)
            with self.braces("else {"):
                self.keep(node.orelse, number)
            return take(number)
        if isinstance(node, ast.Dict):
            keys = self.in_order([each for pair in zip(node.keys, node.values) for each in pair])
            return ast.Dict(keys[::2], keys[1::2])
        several = isinstance(node, ast.Compare) and len(node.ops) > 1
        starred = any(isinstance(each, ast.Starred) for each in ast.iter_child_nodes(node))
        if not isinstance(node, IN_ORDER) or several or starred:
            raise NotImplementedError(f"{type(node).__name__} that awaits")
        return self.with_children_in_order(node)

    def with_children_in_order(self, node):
        places = []
        for name, field in ast.iter_fields(node):
            if isinstance(field, ast.expr) and not isinstance(getattr(field, "ctx", None), ast.Store):
                places.append((name, None, field))
            elif isinstance(field, list):
                for index, each in enumerate(field):
                    if isinstance(each, ast.keyword):
                        places.append((name, index, each.value))
                    elif isinstance(each, ast.expr):
                        places.append((name, index, each))
        made = copy.copy(node)
        for name, field in ast.iter_fields(node):
            if isinstance(field, list):
                setattr(made, name, [copy.copy(each) if isinstance(each, ast.keyword) else each for each in field])
        for (name, index, _), value in zip(places, self.in_order([each for *_, each in places])):
            if index is None:
                setattr(made, name, value)
            elif isinstance(getattr(made, name)[index], ast.keyword):
                getattr(made, name)[index].value = value
            else:
                getattr(made, name)[index] = value
        return made

    def in_order(self, nodes):
        """What is evaluated before the last await is evaluated before it, and kept."""
        last = max(index for index, node in enumerate(nodes) if node is not None and awaits(node))
        made = []
        for index, node in enumerate(nodes):
            if index > last or node is None or isinstance(node, ast.Constant):
                made.append(node)
            elif index == last:
                made.append(self.lifted(node))
            else:
                node = self.lifted(node)
                number = self.value()
                self.emit(f"KEEP(value[{number}], {self.evaluate(node)});")
                made.append(take(number))
        return made

    def keep(self, node, number):
        node = self.lifted(node)
        self.emit(f"KEEP(value[{number}], {self.evaluate(node)});")

    def either(self, node):
        number = self.value()
        first, *others = node.values
        self.keep(first, number)
        for each in others:
            self.emit(f"TEST(Py_NewRef(f->value[{number}]));")
            self.emit("if (f->truth) {" if isinstance(node.op, ast.And) else "if (!f->truth) {")
            self.indent += 1
            self.keep(each, number)
        for _ in others:
            self.indent -= 1
            self.emit("}")
        return take(number)

    def test(self, node):
        """Into `f->truth`."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.test(node.operand)
            self.emit("f->truth = !f->truth;")
        else:
            node = self.lifted(node)
            self.emit(f"TEST({self.evaluate(node)});")

    # Statements.

    def statements(self, nodes):
        for node in nodes:
            self.values = 0
            self.statement(node)
        if all(isinstance(node, ast.Pass) for node in nodes):
            self.emit(";")

    def statement(self, node):
        method = getattr(self, f"visit_{type(node).__name__}", None)
        if method is not None:
            method(node)
        elif isinstance(node, SCOPES):
            self.do(node)
        elif not isinstance(node, SIMPLE) or any(isinstance(each, LEAVES) for each in inside(node)):
            raise NotImplementedError(type(node).__name__)
        elif not awaits(node):
            self.do(node)
        else:
            self.simple(node)

    def simple(self, node):
        """A simple statement that awaits."""
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Await) and awaited(node.value)[0] == "AWAIT":
            value = self.lifted(node.value.value)
            self.emit(f"AWAIT_ONLY({self.evaluate(value)});")
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            target = ast.Name(node.target.id, ast.Load())
            kept, value = self.in_order([target, node.value])
            self.do(ast.Assign([ast.Name("$target", ast.Store())], kept, lineno=1))
            self.do(ast.AugAssign(ast.Name("$target", ast.Store()), node.op, value))
            self.do(ast.Assign([node.target], ast.Name("$target", ast.Load()), lineno=1))
            self.do(ast.Delete([ast.Name("$target", ast.Del())]))
        elif isinstance(node, (ast.Expr, ast.Assign)) and not any(map(awaits, getattr(node, "targets", ()))):
            made = copy.copy(node)
            made.value = self.lifted(node.value)
            self.do(made)
        else:
            raise NotImplementedError(f"{type(node).__name__} that awaits")

    def visit_Pass(self, node):
        pass

    def visit_Return(self, node):
        if node.value is None:
            self.emit("RETURN(Py_NewRef(Py_None));")
        else:
            value = self.lifted(node.value)
            self.emit(f"RETURN({self.evaluate(value)});")

    def visit_Raise(self, node):
        if node.exc is None and self.section == "except":
            self.emit("RERAISE;")
            return
        if node.exc is None:
            self.do(node)
            return
        exception, cause = self.value(), self.value()
        self.keep(node.exc, exception)
        if node.cause is None:
            self.emit(f"raise_object(f->value[{exception}], NULL);")
        else:
            self.keep(node.cause, cause)
            self.emit(f"raise_object(f->value[{exception}], f->value[{cause}]);")
        self.emit("RAISE;")

    def visit_If(self, node):
        self.test(node.test)
        with self.braces("if (f->truth) {"):
            self.statements(node.body)
        if node.orelse:
            with self.braces("else {"):
                self.statements(node.orelse)

    @contextlib.contextmanager
    def loop(self, node):
        """Its body; then what follows unless it is left by `break`: the flag says so wherever it goes on."""
        flag = self.new_flag() if node.orelse else None
        self.loops.append(Loop(self.blocks, flag))
        self.leaves_by_break(False)
        yield
        self.loops.pop()
        if flag:
            with self.braces(f"if ({flag}) {{"):
                self.statements(node.orelse)

    def visit_While(self, node):
        with self.loop(node):
            with self.braces("for (;;) {"):
                self.emit("LOOP")
                self.test(node.test)
                with self.braces("if (!f->truth) {"):
                    self.emit("break;")
                self.statements(node.body)
                self.leaves_by_break(False)

    def visit_For(self, node):
        place = f"iterator[{self.iterators}]"
        self.iterators += 1
        # An iterator that is used up, and one that `break` leaves, goes at once.
        with self.loop(node):
            iterable = self.value()
            self.keep(node.iter, iterable)
            self.emit(f"KEEP({place}, PyObject_GetIter(f->value[{iterable}]));", f"Py_CLEAR(f->value[{iterable}]);")
            with self.braces("for (;;) {"):
                self.emit("LOOP")
                self.emit(f"set(&f->value[0], PyIter_Next(f->{place}));", "CHECK(f->value[0] != NULL || !PyErr_Occurred());")
                with self.braces("if (f->value[0] == NULL) {"):
                    self.emit("break;")
                self.store(node.target, 0)
                self.statements(node.body)
                self.leaves_by_break(False)
            self.emit(f"Py_CLEAR(f->{place});")

    def visit_AsyncFor(self, node):
        iterable = self.lifted(node.iter)
        self.value()
        with self.loop(node):
            with self.block(f"ASYNC_FOR(value[0], {self.evaluate(iterable)})"):
                self.loops[-1].blocks = self.blocks
                self.store(node.target, 0)
                self.statements(node.body)
                self.leaves_by_break(False)

    def visit_AsyncWith(self, node):
        self.entered(node.items, node.body)

    def entered(self, items, body):
        if not items:
            self.statements(body)
            return
        (item, *others) = items
        self.values = 0
        context = self.lifted(item.context_expr)
        self.value()
        with self.block(f"ASYNC_WITH(value[0], {self.evaluate(context)})"):
            if item.optional_vars is None:
                self.emit("Py_CLEAR(f->value[0]);")
            else:
                self.store(item.optional_vars, 0)
            self.entered(others, body)

    def leaves_by_break(self, so):
        if self.loops[-1].flag:
            self.emit(f"{self.loops[-1].flag} = {int(not so)};")

    def leave(self, word):
        loop = self.loops[-1]
        self.leaves_by_break(word == "break")
        self.leavings += 1
        # Both will do where no TRY is left.
        plain = loop.blocks == self.blocks and self.leavings % 2
        self.emit(f"{word};" if plain else f"{word.upper()};")

    def visit_Break(self, node):
        self.leave("break")

    def visit_Continue(self, node):
        self.leave("continue")

    def visit_Try(self, node):
        if not node.finalbody:
            self.caught(node)
            return
        iterators = self.iterators
        with self.block("TRY"):
            self.caught(node)
            with self.within("finally", iterators):
                self.statements(node.finalbody)

    def caught(self, node):
        if not node.handlers:
            self.statements(node.body)
            return
        flag = self.new_flag() if node.orelse else None
        if flag:
            self.emit(f"{flag} = 0;")
        iterators = self.iterators
        with self.block("TRY"):
            self.statements(node.body)
            if flag:
                self.emit(f"{flag} = 1;")
            with self.within("except", iterators):
                self.handlers(node.handlers)
        if flag:
            with self.braces(f"if ({flag}) {{"):
                self.statements(node.orelse)

    def handlers(self, handlers):
        (handler, *others) = handlers
        kind = "PyExc_BaseException"
        if handler.type is not None:
            kind = "f->kind"
            self.values = 0
            value = self.lifted(handler.type)
            self.emit(f"KEEP(kind, {self.evaluate(value)});", "CHECK(can_be_caught(f->kind));")
        with self.braces(f"if (CAUGHT({kind})) {{"):
            self.handler(handler)
        if others:
            with self.braces("else {"):
                self.handlers(others)

    def handler(self, handler):
        if handler.name is None:
            self.statements(handler.body)
            return
        self.values = 0
        self.value()
        self.emit("set(&f->value[0], Py_NewRef(EXCEPTION));")
        self.store(ast.Name(handler.name, ast.Store()), 0)
        with self.block("TRY"):
            self.statements(handler.body)
            self.indent -= 1
            self.emit("FINALLY")
            self.indent += 1
            self.do_text(f"{handler.name} = None\ndel {handler.name}")

    # The whole function.

    def text(self, index, name):
        """The body, and its definition, whose name has the index."""
        sizes = max(self.iterators, 1), max(self.most_values, 1), max(self.flags, 1)
        return "\n".join(
            [
                f"FRAME(Frame{index}, {', '.join(map(str, sizes))})",
                f"BODY(body{index}, Frame{index}, f)",
                *(line for line in self.lines if line.strip()),
                "END_BODY",
                f"static const PyAwaitable_Definition definition{index} =",
                f'    PyAwaitable_DEFINITION("{name}", body{index}, Frame{index});',
                f"#define NEW{index} {'PyAwaitable_NewGenerator' if self.is_generator else 'PyAwaitable_NewBody'}",
                "",
            ]
        )
