# Makes Python functions that call C. src/functions/compiler.rs runs this once in each interpreter.

# A frozen application may lack any module that is not built in.
import builtins

FunctionType = type(lambda: None)
CellType = type((lambda cell: lambda: cell)(None).__closure__[0])
HAS_QUALNAME = hasattr((lambda: None).__code__, "co_qualname")  # from 3.11 on
HAS_ANNOTATE = hasattr(lambda: None, "__annotate__")  # from 3.14 on
# Annotations stay text: the flag of __future__.annotations.
CO_FUTURE_ANNOTATIONS = 0x1000000
BRACKETS = frozenset("'\"([{")
# What no parameter is called, and what the function that is called has as its name.
KEYWORDS = frozenset(
    "target False None True __debug__ __peg_parser__ and as assert async await break class continue def del elif else except"
    " finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split()
)
LITERALS = {"None": None, "True": True, "False": False, "...": ..., "''": "", '""': "", "()": (), "b''": b"", 'b""': b""}

NOTHING = {}

# Functions of one signature share what was compiled, and so do those whose parameters only have other names.
CODES = {}
TEMPLATES = {}


def split(text):
    """The parameters of a signature."""
    if BRACKETS.isdisjoint(text):
        return list(filter(None, map(str.strip, text.split(","))))
    parameters, start, depth, quote, before = [], 0, 0, "", ""
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and before != "\\" else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parameters.append(text[start:index].strip())
            start = index + 1
        before = letter
    parameters.append(text[start:].strip())
    return list(filter(None, parameters))


def signature(doc, name, is_method):
    """The parameters that the docstring of a C function begins with, or None, and the rest of it."""
    start, end = name.rpartition(".")[2] + "(", ")\n--\n\n"
    inside, found, rest = (doc or "").partition(end)
    if not found or not inside.startswith(start):
        return None, doc
    parameters = split(inside[len(start) :])
    if parameters and parameters[0].startswith("$"):
        first, others = parameters[0][1:], parameters[1:]
        if not is_method:
            parameters = others[1:] if others[:1] == ["/"] else others
        elif "/" in others:
            parameters = [first, *others]
        else:
            parameters = [first, "/", *others]
    return parameters, rest or None


def named(parameter):
    """The name of a parameter, with its stars."""
    for index, letter in enumerate(parameter):
        if letter in ":=":
            return parameter[:index].strip()
    return parameter


def handed_on(parameters):
    """The arguments of a call with the same parameters."""
    arguments, is_keyword = [], False
    for name in map(named, parameters):
        if name in ("*", "/"):
            is_keyword = name == "*"
        elif name.startswith("*"):
            arguments.append(name)
            is_keyword = True
        else:
            arguments.append(f"{name}={name}" if is_keyword else name)
    return arguments


def compiled(parameters, target, namespace, file):
    """A function of these parameters that calls the target."""
    arguments = handed_on(parameters)
    free = "target"
    while any(argument.startswith(free) for argument in arguments):
        free = "_" + free
    text = (
        f"def outer({free}):\n def function({', '.join(parameters)}): return {free}({', '.join(arguments)})\n return function"
    )
    if (text, file) not in CODES:
        CODES[text, file] = compile(text, file, "exec", CO_FUTURE_ANNOTATIONS, True)
    scope = {}
    exec(CODES[text, file], namespace, scope)
    return scope["outer"](target)


def literal(text):
    """A default that needs no compiler; ValueError for any other."""
    if text in LITERALS:
        return LITERALS[text]
    value = int(text)
    if str(value) != text:
        raise ValueError(text)
    return value


def shaped(parameters):
    """The shape of parameters, their names in the order of a code's variables, their defaults and those of keywords. Of each
    parameter the shape has a letter: its stars, / or *, p for a positional one, k for one after the stars. ValueError where it
    takes the compiler: for an annotation, a default to be evaluated, or what may be wrong with the signature."""
    names, last, defaults, keyword_defaults = [], [], [], {}
    shape, stars = "", ""
    for parameter in parameters:
        name, equals, default = parameter.partition("=")
        if equals:
            name = name.rstrip()
            value = literal(default.strip())
            if stars:
                keyword_defaults[name] = value
            else:
                defaults.append(value)
            if name[0] in "*/":
                raise ValueError(parameter)
        elif defaults and not stars and name[0] not in "*/":
            raise ValueError(parameter)
        if name.isidentifier():
            names.append(name)
            shape += "k" if stars else "p"
        elif name == "/":
            if "/" in shape or stars or not shape:
                raise ValueError(parameter)
            shape += "/"
        elif name[0] != "*":
            raise ValueError(parameter)
        else:
            star = "d" if name[:2] == "**" else "*" if name == "*" else "a"
            if "d" in stars or stars and star != "d":
                raise ValueError(parameter)
            stars += star
            shape += star
            if star != "*":
                last.append(name[2:] if star == "d" else name[1:])
    names += last
    text = "".join(names)
    if (
        not KEYWORDS.isdisjoint(names)
        or len(set(names)) != len(names)
        or not text.isascii()
        or (last and not all(map(str.isidentifier, last)))
        or shape[-1:] == "*"
        or "*d" in shape
        or "d" in shape[:-1]
    ):
        raise ValueError(parameters)
    return shape, names, defaults, keyword_defaults


def renamed(parameters, target, namespace, file, flag=0, changes=NOTHING):
    """The same function as compiled() makes, by a code that was compiled for other names of parameters, with other changes."""
    shape, names, defaults, keyword_defaults = shaped(parameters)
    if shape not in TEMPLATES:
        TEMPLATES[shape] = template(shape, namespace)
    code, places, constants = TEMPLATES[shape]
    if constants != (None,):
        new = dict(zip(places, names)).get
        constants = tuple([tuple(map(new, each)) if type(each) is tuple else new(each, each) for each in constants])
    code = code.replace(
        co_varnames=tuple(names), co_consts=constants, co_filename=file, co_flags=code.co_flags | flag, **changes
    )
    function = FunctionType(code, namespace, None, tuple(defaults) or None, (CellType(target),))
    if keyword_defaults:
        function.__kwdefaults__ = keyword_defaults
    return function


def template(shape, namespace):
    """The code of a function whose parameters are of such a shape, and their names in it."""
    parameters = []
    for number, kind in enumerate(shape):
        stars = {"a": "*", "d": "**"}.get(kind, "")
        parameters.append(kind if kind in "/*" else f"{stars}_{number}")
    code = compiled(parameters, None, namespace, "<template>").__code__
    return code, code.co_varnames, code.co_consts


def define(target, name, qualname, doc, is_method, default, flag, namespace, module):
    """The function, one that can be called without the flag, and the numbers of positional arguments that the target takes as
    they are: the fewest, and the most, or -1 where no number does."""
    # PyImport_Import() asks the globals of whoever runs, and fails without. The importer gives it to each module in Python.
    namespace.setdefault("__builtins__", vars(builtins))
    parameters, doc = signature(doc, name, is_method)
    if parameters is None:
        parameters = split(default)
    arguments = target, namespace, f"<{module}>"
    changes = {"co_name": name, "co_qualname": qualname} if HAS_QUALNAME else {"co_name": name}
    # From 3.11 on it is an instruction that makes a coroutine, and no flag.
    flag_of_plain = flag if HAS_QUALNAME else 0
    try:
        try:
            plain = renamed(parameters, *arguments, flag_of_plain, changes)
        except ValueError:
            plain = compiled(parameters, *arguments)
    except MemoryError:
        raise
    except Exception:
        plain = compiled(["self", "/", "*args", "**kwargs"] if is_method else ["*args", "**kwargs"], *arguments)
    code, defaults = plain.__code__, plain.__defaults__
    if not code.co_flags & flag:
        code = code.replace(co_flags=code.co_flags | flag, **changes)
    function = FunctionType(code, namespace, name, defaults, plain.__closure__)
    function.__kwdefaults__ = plain.__kwdefaults__
    if HAS_ANNOTATE:  # setting __annotations__ would leave none
        function.__annotate__ = plain.__annotate__
        if function.__annotate__:
            function.__annotate__.__qualname__ = f"{qualname}.__annotate__"
    elif plain.__annotations__:
        function.__annotations__ = plain.__annotations__
    function.__qualname__ = plain.__qualname__ = qualname
    function.__module__ = module
    function.__doc__ = doc
    plain.__name__ = name
    most = code.co_argcount
    least = most - len(defaults or ())
    if code.co_flags & 4:  # CO_VARARGS
        most = 1 << 30
    if code.co_kwonlyargcount:
        least = most = -1
    return function, plain, least, most


async def coroutine(awaitable):
    return await awaitable


def around(awaitable):
    made = coroutine(awaitable)
    for attribute in ("__name__", "__qualname__"):
        name = getattr(awaitable, attribute, None)
        if isinstance(name, str):
            setattr(made, attribute, name)
    return made
