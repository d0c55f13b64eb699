# Makes Python functions that call C. src/functions/compiler.rs runs this once in each interpreter.

# A frozen application may lack any module that is not built in.
import builtins

FunctionType = type(lambda: None)
# Annotations stay text: the flag of __future__.annotations.
CO_FUTURE_ANNOTATIONS = 0x1000000

# Functions of one signature share their code.
CODES = {}


def split(text):
    """The parameters of a signature."""
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
    return [parameter for parameter in parameters if parameter]


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


def define(target, name, qualname, doc, is_method, default, flag, namespace, module):
    """The function, one of the same code without the flag, and the numbers of positional arguments that the target takes as
    they are: the fewest, and the most, or -1 where no number does."""
    # PyImport_Import() asks the globals of whoever runs, and fails without. The importer gives it to each module in Python.
    namespace.setdefault("__builtins__", vars(builtins))
    parameters, doc = signature(doc, name, is_method)
    file = f"<{module}>"
    try:
        plain = compiled(split(default) if parameters is None else parameters, target, namespace, file)
    except MemoryError:
        raise
    except Exception:
        any_arguments = ["self", "/", "*args", "**kwargs"] if is_method else ["*args", "**kwargs"]
        plain = compiled(any_arguments, target, namespace, file)
    code = plain.__code__
    changes = {"co_name": name, "co_flags": code.co_flags | flag}
    if hasattr(code, "co_qualname"):
        changes["co_qualname"] = qualname
    function = FunctionType(code.replace(**changes), namespace, name, plain.__defaults__, plain.__closure__)
    function.__kwdefaults__ = plain.__kwdefaults__
    if hasattr(plain, "__annotate__"):  # from 3.14 on, where setting __annotations__ would leave none
        function.__annotate__ = plain.__annotate__
        if function.__annotate__:
            function.__annotate__.__qualname__ = f"{qualname}.__annotate__"
    else:
        function.__annotations__ = plain.__annotations__
    function.__qualname__ = qualname
    function.__module__ = module
    function.__doc__ = doc
    plain.__name__, plain.__qualname__ = name, qualname
    most = code.co_argcount
    least = most - len(plain.__defaults__ or ())
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
