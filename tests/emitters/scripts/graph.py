"""A LangGraph graph that calls a model, has a person approve the tool call, and resumes in a trace of its own."""

from typing import Any

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from sending import QUESTION, SYSTEM
from sending import lookup_order as look_up


@tool
def lookup_order(order_id: str) -> str:
    """Look up an order"""
    return look_up(order_id)


model = ChatOpenAI(model="gpt-4o-mini").bind_tools([lookup_order])


def ask(state: MessagesState) -> dict[str, Any]:
    return {"messages": [model.invoke(state["messages"])]}


def approve(state: MessagesState) -> dict[str, Any]:
    interrupt({"question": "approve lookup_order?"})
    return {}


def run(thread: str) -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("approve", approve)
    graph.add_node("tools", ToolNode([lookup_order]))
    graph.add_node("answer", ask)
    for edge in ((START, "ask"), ("ask", "approve"), ("approve", "tools"), ("tools", "answer"), ("answer", END)):
        graph.add_edge(*edge)
    compiled = graph.compile(checkpointer=InMemorySaver(), name="support_graph")
    config = {"configurable": {"thread_id": thread}, "metadata": {"thread_id": thread}}
    compiled.invoke({"messages": [("system", SYSTEM), ("user", QUESTION)]}, config)
    compiled.invoke(Command(resume=True), config)
