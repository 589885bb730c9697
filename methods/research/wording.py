"""What the methods say to a model beside the task's own words."""

THINK = "Think in at most {reasoning} tokens, all thoughts together."
NO_SEARCH = "There is nothing to search here, and there are no tools: answer from what you know."
NO_TOOLS = "You have no tools here: the documents that were found for you stand in the messages below."
DOCUMENTS = "Documents that were found:\n\n{documents}"
NOTHING = "Nothing was found."
ANSWER = "Give your final answer now, in the form that was asked for."
ONE_SENTENCE = (
    "Reason one sentence at a time. After each of your sentences documents are searched with it and shown to "
    "you; so say what follows from those that you have seen, and what you must find out next. As soon as you "
    "know the answer, give it in the final form instead."
)
PLAN = (
    "Which searches would find what is needed to answer this question?\n\n{question}\n\n"
    "Write at most {searches} queries, one a line, and nothing else."
)
CHOOSE = (
    "Below are {n} answers to one question, each with its explanation. Which is best supported?\n\n"
    "Question: {question}\n\n{candidates}\n\n"
    "Say in a sentence why. Then end with one line that holds 'Best:' and the number alone."
)
CONTINUE = (
    "You have thoughts left to spend. Look for a mistake in what you found, then give the final answer."
)
